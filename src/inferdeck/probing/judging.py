"""From answers to verdicts: pure functions of a case, what came back, and what the gateway told before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from inferdeck.probing import statistics
from inferdeck.probing.abilities import SHOWN, WANTED, message, text_of, vector_of
from inferdeck.probing.causes import advice, cause_of, mock_off
from inferdeck.probing.gateway import Deployed, Told
from inferdeck.probing.requests import ability
from inferdeck.probing.values import Answer, Case, Cause, Distribution, Kind, Result, Share, State

ALLOW_MOCK = "dangerously_allow_mock_testing_request_params"
MOST_FAILED = 0.1
"""Of a pool's requests; with more its shares say nothing."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows the gateway; `alpha` is the level of each pool's test."""

    told: Told
    alpha: float
    by_id: Mapping[str, Deployed]

    def single(self, case: Case, answer: Answer) -> Result:
        """Judge a case of one request: direct, member, stream, embedding or capability."""
        if not answer.ok:
            return self._failed(case, answer)
        stranger = self._stranger(case, answer)
        if stranger is not None:
            return stranger
        if case.embeds:
            return self._vector(case, answer)
        if case.kind is Kind.STREAM or ability(case.capability) == "streaming":
            return self._stream(case, answer)
        if case.kind is Kind.CAPABILITY:
            return self._capability(case, answer)
        if not message(answer):
            text = "answered 200, but with no choice in it"
            return self._result(case, State.FAILED, text, Cause.GARBAGE, [answer], self._advice(Cause.GARBAGE, case))
        return self._result(case, State.PASSED, f"answered by {self._who(answer)}", Cause.NONE, [answer])

    def pool(self, case: Case, answers: Sequence[Answer]) -> Result:
        """Judge whether the members of a pool got their shares."""
        failed = [one for one in answers if not one.ok]
        counted = Counter(one.deployment for one in answers if one.ok and one.deployment)
        if len(failed) > MOST_FAILED * len(answers):
            found = self._failed(case, failed[0])
            return replace(found, summary=f"{len(failed)} of {len(answers)} failed: {found.summary}")
        if not counted:
            text = "the gateway does not say which deployment answered (x-litellm-model-id)"
            return self._result(case, State.NO_VERDICT, text, Cause.NONE, answers)
        tested = distribution(case, counted, self.alpha)
        result = replace(self._shares(case, counted, tested, answers), distribution=tested)
        if failed:
            result = replace(result, evidence=(*result.evidence, f"{len(failed)} failed: {failed[0].error}"))
        return result

    def _shares(self, case: Case, counted: Mapping[str, int], found: Distribution, answers: Sequence[Answer]) -> Result:
        strangers = sorted(set(counted) - {one.id for one in case.members})
        told = ", ".join(f"{one.id} {one.count} of {one.expected * found.requests:.1f}" for one in found.shares)
        if strangers:
            text = f"{', '.join(strangers)} answered, which gets no share by {case.source}; got: {told}"
            return self._result(case, State.FAILED, text, Cause.WRONG_DEPLOYMENT, answers, "compare the weights")
        if found.power < statistics.POWER:
            text = f"{found.requests} answers are too few: power {found.power:.2f}, {found.needed} are needed"
            return self._result(case, State.NO_VERDICT, f"{text}; got: {told}", Cause.NONE, answers)
        if found.p_value >= found.alpha:
            return self._result(case, State.PASSED, f"shares fit: {told}", Cause.NONE, answers)
        least = min(found.shares, key=lambda one: statistics.residual(one.count, found.requests, one.expected))
        starved = least.count < statistics.LOST * least.expected * found.requests
        cause = Cause.STARVED if starved else Cause.UNEVEN
        head = f"{least.id} got {least.count} of {found.requests}, {least.expected * found.requests:.1f} expected"
        text = f"{head} by {case.source} (p = {found.p_value:.2g}); got: {told}"
        return self._result(case, State.FAILED, text, cause, answers, self._starved(case, least))

    def _starved(self, case: Case, least: Share) -> str:
        """Say why a member gets less, as far as its settings tell."""
        mine = self.by_id.get(least.id)
        if mine is None:
            return f'the gateway has no deployment "{least.id}" any more'
        for key in ("weight", "rpm", "tpm"):
            of_all = {one.id: self.by_id[one.id].facts.get(key, "") for one in case.members if one.id in self.by_id}
            given = of_all.get(least.id, "")
            others = sorted({value for name, value in of_all.items() if name != least.id and value})
            if key == "weight" and given and any(other != given for other in others):
                return f"the gateway has weight {given} for {least.id} and {', '.join(others)} for the others"
            if given and key != "weight":
                return f"the gateway has {key} {given} for {least.id}: above it, requests go elsewhere"
            if not given and others:
                return (
                    f"{key} is set for others ({', '.join(others)}) and not for {least.id}: LiteLLM balances by it and "
                    "gives those without it nothing; set it for all or for none"
                )
        set_to = {self.by_id[one.id].facts.get("weight", "") for one in case.members if one.id in self.by_id}
        if len(set_to) == 1 and len({one.weight for one in case.members}) > 1:
            weight = next(iter(set_to))
            given = f"weight {weight}" if weight else "no weight"
            return f"{case.source} wants unequal shares, and the gateway has {given} for all of them: set weights there"
        return f"{least.id} answers when it is asked alone; look whether it was left alone (cooldown) meanwhile"

    def fallback(self, case: Case, answer: Answer, failing: Collection[str], *, forced: bool) -> Result:
        """Judge who answered in a model's place. failing: models that do not answer themselves; forced: on demand."""
        if forced and mock_off(answer):
            text = "the gateway lets no request fail on demand, so who would answer was not seen"
            help_text = f"on a gateway for tests set general_settings.{ALLOW_MOCK}: true, and probe that"
            return self._result(case, State.NO_VERDICT, text, Cause.NONE, [answer], help_text)
        if forced and not answer.ok and "mock_testing_" in answer.error:
            text = f"the gateway does not let a request fail on demand: {answer.error}"
            return self._result(case, State.NO_VERDICT, text, Cause.NONE, [answer])
        if not answer.ok:
            return self._nobody(case, answer)
        group = self._group(answer)
        if group == case.model or answer.fallbacks == 0:
            text = "answered itself although it was to fail: this gateway does not know mock_testing_fallbacks"
            if not forced:
                text = "it answers again, so its fallbacks were not needed"
            return self._result(case, State.NO_VERDICT, text, Cause.NONE, [answer])
        if not group:
            text = "the gateway does not say who answered (x-litellm-model-id, x-litellm-model-group)"
            return self._result(case, State.NO_VERDICT, text, Cause.NONE, [answer])
        return self._order(case, answer, group, failing, forced=forced)

    def _order(self, case: Case, answer: Answer, group: str, failing: Collection[str], *, forced: bool) -> Result:
        expected = next((name for name in case.order if name not in failing), case.order[0])
        chain = " → ".join(case.order)
        how = "made to fail on demand" if forced else "it fails"
        if group != expected:
            place = f"position {case.order.index(group) + 1}" if group in case.order else "not in the chain"
            text = f"{how}: {group} answered ({place}), expected {expected}; {case.source} has {chain}"
            return self._result(case, State.FAILED, text, Cause.WRONG_ORDER, [answer], self._told_order(case))
        told = self._chain(case)
        if told is not None and told != case.order:
            text = f"{how}: {expected} answered first, but the gateway goes on with {' → '.join(told)}; "
            text += f"{case.source} has {chain}"
            return self._result(case, State.FAILED, text, Cause.WRONG_ORDER, [answer], self._told_order(case))
        skipped = [name for name in case.order[: case.order.index(expected)] if name in failing]
        after = f" after {', '.join(skipped)}, which does not answer either" if skipped else ""
        rest = case.order[case.order.index(expected) + 1 :]
        more = f"; {' → '.join(rest)} behind it is what the settings say" if rest else ""
        text = f"{how}: {group} answered{after}{more}"
        return self._result(case, State.PASSED, text, Cause.NONE, [answer])

    def _chain(self, case: Case) -> tuple[str, ...] | None:
        return (self.told.context_fallbacks if case.too_long else self.told.fallbacks).get(case.model)

    def _told_order(self, case: Case) -> str:
        told = self._chain(case)
        if told is None:
            return f"the gateway tells of no fallbacks of {case.model}"
        return f"the gateway has {case.model}: {' → '.join(told)}; make it the same as in {case.source}"

    def _nobody(self, case: Case, answer: Answer) -> Result:
        told = self._chain(case)
        if told is None and case.source != "gateway":
            text = f"nobody answered in its place: the gateway has no fallbacks for it, {case.source} has "
            text += " → ".join(case.order)
            help_text = f"add {case.model}: [{', '.join(case.order)}] to the gateway's fallbacks"
            return self._result(case, State.FAILED, text, Cause.NO_FALLBACK, [answer], help_text)
        cause = cause_of(answer)
        gone = cause in (Cause.GATEWAY_GONE, Cause.GARBAGE, Cause.TOO_SLOW)
        text = f"nobody answered in its place: {answer.error}"
        return self._result(
            case, State.FAILED, text, cause if gone else Cause.NO_FALLBACK, [answer], self._told_order(case)
        )

    def _failed(self, case: Case, answer: Answer) -> Result:
        name = case.group or case.model
        cause = cause_of(answer)
        if cause is Cause.MODEL_ABSENT and self.told.deployments and name not in self.told.groups():
            cause = Cause.MAPPING_MISSING
        if case.kind is Kind.STREAM and answer.streamed and cause in (Cause.REFUSED, Cause.PROVIDER_FAILS):
            cause = Cause.STREAM_BROKEN
        if case.kind is Kind.MEMBER and cause in (Cause.MODEL_ABSENT, Cause.MAPPING_MISSING):
            text = f"this key may not ask for a deployment by its id: {answer.error}"
            return self._result(case, State.NO_VERDICT, text, Cause.NONE, [answer])
        status = f"HTTP {answer.status}" if answer.status else answer.cut
        return self._result(
            case, State.FAILED, f"{status}: {answer.error}", cause, [answer], self._advice(cause, case, answer)
        )

    def _advice(self, cause: Cause, case: Case, answer: Answer | None = None) -> str:
        known = [self.by_id[name] for name in case.deployments if name in self.by_id]
        base = known[0].api_base if len(known) == 1 else ""
        provider = known[0].provider if len(known) == 1 else ""
        return advice(cause, answer or Answer(0), case.group or case.model, base, provider)

    def _stranger(self, case: Case, answer: Answer) -> Result | None:
        """Return a failure where another one answered than could."""
        if answer.fallbacks:
            text = f"{self._who(answer)} answered as a fallback, although none was allowed"
            return self._result(case, State.FAILED, text, Cause.WRONG_DEPLOYMENT, [answer])
        if answer.deployment and case.deployments and answer.deployment not in case.deployments:
            wanted = ", ".join(case.deployments)
            text = f"{self._who(answer)} answered, expected {wanted}"
            return self._result(case, State.FAILED, text, Cause.WRONG_DEPLOYMENT, [answer])
        return None

    def _vector(self, case: Case, answer: Answer) -> Result:
        vector = vector_of(answer.body)
        if not vector:
            text = "answered 200 without a vector of numbers"
            return self._result(case, State.FAILED, text, Cause.NO_VECTOR, [answer], "is it a model for embeddings?")
        if case.dimensions is not None and len(vector) != case.dimensions:
            text = f"a vector of {len(vector)} numbers, expected {case.dimensions}"
            return self._result(case, State.FAILED, text, Cause.NO_VECTOR, [answer], "another model answers")
        text = f"a vector of {len(vector)} numbers by {self._who(answer)}"
        return self._result(case, State.PASSED, text, Cause.NONE, [answer])

    def _stream(self, case: Case, answer: Answer) -> Result:
        if not answer.streamed:
            text = "answered as a whole although a stream was asked for"
            return self._result(case, State.FAILED, text, Cause.NOT_STREAMED, [answer], "does a proxy collect it?")
        if not answer.finished:
            text = f"the stream ended after {answer.events} events without [DONE]"
            return self._result(case, State.FAILED, text, Cause.STREAM_BROKEN, [answer], "a timeout between may cut it")
        text = f"{answer.events} events by {self._who(answer)}"
        return self._result(case, State.PASSED, text, Cause.NONE, [answer])

    def _capability(self, case: Case, answer: Answer) -> Result:
        name = ability(case.capability)
        shown = SHOWN[name](answer)
        group = [self.by_id[one] for one in case.deployments if one in self.by_id]
        mine = [one for one in group if one.id == answer.deployment] or group
        said = {one.can(name) for one in mine}
        if shown:
            return self._result(case, State.PASSED, f"{shown} by {self._who(answer)}", Cause.NONE, [answer])
        text = f"answered without {WANTED[name]}"
        word = "says that it cannot" if False in said else "says that it can" if True in said else "does not say"
        if name == "vision" and not text_of(answer).strip():
            return self._result(case, State.NO_VERDICT, "answered with no word", Cause.NONE, [answer])
        help_text = f"the gateway {word}; route {case.capability} to a model that has it"
        return self._result(case, State.FAILED, text, Cause.CAPABILITY, [answer], help_text)

    def _group(self, answer: Answer) -> str:
        deployed = self.by_id.get(answer.deployment)
        return deployed.model if deployed is not None else answer.group

    def _who(self, answer: Answer) -> str:
        named = answer.deployment or answer.group
        return named or "somebody that the gateway does not name"

    def _result(
        self,
        case: Case,
        state: State,
        summary: str,
        cause: Cause,
        answers: Sequence[Answer],
        help_text: str = "",
    ) -> Result:
        costs = [one.cost for one in answers if one.cost is not None]
        return Result(
            case.id,
            case.kind,
            case.group or case.model,
            state,
            summary,
            cause,
            help_text if state is not State.PASSED else "",
            evidence(answers[-1]) if len(answers) == 1 else (),
            case.source,
            len(answers),
            sum(one.seconds for one in answers) if len(answers) == 1 else 0.0,
            sum(costs) if costs else None,
        )


def skipped(case: Case, why: str) -> Result:
    """Return the result of a case that was not asked."""
    return Result(case.id, case.kind, case.group or case.model, State.SKIPPED, why, source=case.source)


def evidence(answer: Answer) -> tuple[str, ...]:
    """Return the status and the headers that prove who answered."""
    names = ("x-litellm-model-id", "x-litellm-model-group", "x-litellm-model-api-base", "x-litellm-attempted-fallbacks")
    told = [f"{name}: {answer.headers[name]}" for name in names if answer.headers.get(name)]
    return (f"HTTP {answer.status}" if answer.status else answer.cut, *told)


def distribution(case: Case, counted: Mapping[str, int], alpha: float) -> Distribution:
    """Return the test of a pool's counts; what is no member does not count."""
    expected = statistics.shares([one.weight for one in case.members])
    counts = [counted.get(one.id, 0) for one in case.members]
    total = sum(counts)
    fit = statistics.fit(counts, expected)
    return Distribution(
        total,
        tuple(Share(one.id, share, n) for one, share, n in zip(case.members, expected, counts, strict=True)),
        fit.statistic,
        fit.p_value,
        alpha,
        statistics.power_against_loss(total, expected, alpha),
        statistics.smallest_loss(total, expected, alpha),
        statistics.needed(expected, alpha),
    )
