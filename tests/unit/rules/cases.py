"""For every alert rule: data at which it fires, and data that is nearly the same at which it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inferdeck.rules.site import Family

C, G = Family.CANONICAL, Family.GATEWAY
OWN = "llm_gateway_llm_gateway_"
PROD = 'environment="prod"'
GW = f'{PROD},gateway="gw"'
GG = f'{PROD},instance="gw:8080"'
MP = 'model="m",provider="openai"'
TEAM = f'{PROD},instance="gw:4000",team="t1",team_alias="blue"'
ENGINE = f'{PROD},engine="e1",model="m"'
CARD = f'{PROD},instance="h:9400",Hostname="h",gpu="0",UUID="GPU-1"'
DISK = f'{PROD},instance="h:9100",device="/dev/sda",mountpoint="/"'
Data = Mapping[str, str]
"""Values in promtool's notation by series."""


@dataclass(frozen=True, slots=True)
class Case:
    """One alert of one family. at: minutes; step: minutes between two values; value: what the expression gives."""

    alert: str
    family: Family
    at: int
    labels: Mapping[str, str]
    value: float
    fires: Data
    quiet: tuple[Data, ...]
    step: int = 1

    @property
    def name(self) -> str:
        return f"{'LLMGateway' if self.family is G else ''}{self.alert}"


def _of(text: str, **more: str) -> dict[str, str]:
    """Return the labels of a selector's inside."""
    pairs = (one.split("=", 1) for one in text.split(",") if one)
    return {**{name: value.strip('"') for name, value in pairs}, **more}


def _histogram(family: str, labels: str, counts: Mapping[str, str], total: str) -> dict[str, str]:
    return {
        **{f'{family}_bucket{{{labels},le="{le}"}}': values for le, values in counts.items()},
        f'{family}_bucket{{{labels},le="+Inf"}}': total,
        f"{family}_count{{{labels}}}": total,
    }


def _quantile(alert: str, family: Family, metric: str, bounds: tuple[str, str], value: float, at: int = 30) -> Case:
    """Half of the requests end within the first bound, all within the second."""
    labels = f"{GW if family is C else GG},{MP}"
    first, second = bounds
    return Case(
        alert,
        family,
        at,
        _of(labels),
        value,
        _histogram(metric, labels, {first: "0+30x90", second: "0+60x90"}, "0+60x90"),
        (
            _histogram(metric, labels, {first: "0+60x90", second: "0+60x90"}, "0+60x90"),
            _histogram(metric, labels, {first: "0+0x90", second: "0+1x90"}, "0+1x90"),
        ),
    )


def _share(alert: str, family: Family, bad: int, quiet: int, at: int = 30) -> Case:
    """Of 60 requests a minute so many fail."""
    base = GW if family is C else GG
    metric = "llm_requests_total" if family is C else f"{OWN}requests_total"

    def data(failed: float, every: float = 60) -> Data:
        return {
            f'{metric}{{{base},status="error"}}': f"0+{failed}x90",
            f'{metric}{{{base},status="success"}}': f"0+{every - failed}x90",
        }

    return Case(alert, family, at, _of(base), bad / 60, data(bad), (data(quiet), data(0.5, 1), {}))


def _plain(
    alert: str,
    family: Family,
    metric: str,
    labels: str,
    fires: str,
    quiet: str,
    value: float,
    by: str = "",
    at: int = 30,
) -> Case:
    """One series: with these values it fires, with those it does not, and neither does it where it is absent."""
    base = GW if family is C else GG
    selector = f"{metric}{{{','.join(filter(None, (base, labels)))}}}"
    return Case(alert, family, at, _of(f"{base},{by}"), value, {selector: fires}, ({selector: quiet}, {}))


def _both(alert: str, metric: str, labels: str, fires: str, quiet: str, value: float, by: str = "") -> list[Case]:
    own = {"llm_provider_health": "provider_health", "llm_circuit_breaker_state": "circuit_breaker_state"}
    name = OWN + own.get(metric, metric.removeprefix("llm_"))
    return [
        _plain(alert, C, metric, labels, fires, quiet, value, by),
        _plain(alert, G, name, labels, fires, quiet, value, by),
    ]


P = 'provider="openai"'
_AVAILABILITY = [
    *_both("ProviderUnhealthy", "llm_provider_health", P, "1x5 0x60", "1x60", 0, P),
    *_both("CircuitBreakerOpen", "llm_circuit_breaker_state", P, "0x5 1x60", "0x5 2x60", 1, P),
    *(
        Case(
            "AllProvidersUnhealthy",
            family,
            20,
            _of(base),
            0,
            {f'{metric}{{{base},provider="a"}}': "1x5 0x60", f'{metric}{{{base},provider="b"}}': "0x60"},
            ({f'{metric}{{{base},provider="a"}}': "1x60", f'{metric}{{{base},provider="b"}}': "0x60"}, {}),
        )
        for family, base, metric in ((C, GW, "llm_provider_health"), (G, GG, f"{OWN}provider_health"))
    ),
]
_LATENCY = [
    _quantile("HighLatencyP95", C, "llm_request_duration_seconds", ("10", "30"), 28),
    _quantile("HighLatencyP95", G, f"{OWN}request_duration_seconds", ("10", "30"), 28),
    _quantile("HighLatencyP99", C, "llm_request_duration_seconds", ("30", "60"), 59.4),
    _quantile("HighLatencyP99", G, f"{OWN}request_duration_seconds", ("30", "60"), 59.4),
    _quantile("HighTTFT", C, "llm_time_to_first_token_seconds", ("5", "10"), 9.5),
    _quantile("HighTTFT", G, f"{OWN}ttft_seconds", ("5", "10"), 9.5),
    _quantile("LatencyP99Above10s", C, "llm_request_duration_seconds", ("10", "30"), 29.6, at=40),
]
AUTH, LIMIT = 'provider="openai",error_type="AuthenticationError"', 'provider="openai",error_type="RateLimitError"'
_ERRORS = [
    *(_share("HighErrorRate", family, 6, 2) for family in (C, G)),
    *(_share("CriticalErrorRate", family, 30, 6) for family in (C, G)),
    _share("ErrorRateAbove1Percent", C, 2, 0, at=40),
    *_both("AuthenticationErrors", "llm_errors_total", AUTH, "0+1x60", "0x60", 1 / 60, P),
    *_both("RateLimitErrors", "llm_errors_total", LIMIT, "0+6x60", "0+1x60", 0.1, P),
]
TENANT = 'tenant="blue",limit_type="requests"'
_CAPACITY = [
    *_both("HighActiveRequests", "llm_active_requests", "", "150x60", "50x60", 150),
    *_both("RateLimitHits", "llm_rate_limit_hits_total", TENANT, "0+12x60", "0+3x60", 0.2, TENANT),
]


def _tokens(family: Family) -> list[Case]:
    base = GW if family is C else GG
    metric, kind = ("llm_tokens_used_total", "token_type") if family is C else (f"{OWN}tokens_total", "type")
    own = f"{base},{MP}"

    def data(read: int, written: int, cached: int = 0) -> Data:
        kinds = {"input": read, "output": written, "cached_input": cached}
        return {f'{metric}{{{own},{kind}="{one}"}}': f"0+{count}x90" for one, count in kinds.items()}

    def speed(written: int, shown: int, every: int = 6) -> Data:
        tokens = {f'{metric}{{{own},{kind}="output"}}': f"0+{written}x90"}
        if family is G:
            return {**tokens, f"{OWN}tokens_per_second{{{own}}}": f"{shown}x90"}
        duration = "llm_request_duration_seconds"
        return {**tokens, f"{duration}_sum{{{own}}}": "0+60x90", f"{duration}_count{{{own}}}": f"0+{every}x90"}

    quiet = (speed(6000, 50), speed(0, 0), {}) + ((speed(60, 1, 1),) if family is C else ())
    return [
        Case("HighTokenUsage", family, 40, _of(base), 11000, data(600000, 60000), (data(60000, 60000, 6000000), {})),
        Case("LowTokenThroughput", family, 40, _of(own), 1, speed(60, 1), quiet),
    ]


def _cache() -> list[Case]:
    asked = f'{OWN}cache_operations_total{{{GG},operation="get",result='

    def canonical(hits: str, misses: str, requests: str = "0+60x120") -> Data:
        found = {
            f"llm_cache_hits_total{{{GW}}}": hits,
            f"llm_cache_misses_total{{{GW}}}": misses,
            f'llm_requests_total{{{GW},status="success"}}': requests,
        }
        return {name: values for name, values in found.items() if values}

    def own(hits: str, misses: str) -> Data:
        found = {f'{asked}"hit"}}': hits, f'{asked}"miss"}}': misses}
        return {name: values for name, values in found.items() if values}

    return [
        Case(
            "LowCacheHitRate",
            C,
            90,
            _of(GW),
            0.1,
            canonical("0+6x120", "0+54x120"),
            (canonical("0+30x120", "0+30x120"), canonical("", ""), canonical("0+0.1x120", "0+0.9x120", "0+1x120"), {}),
        ),
        # A gateway that counts hits alone: what it answered is the whole.
        Case("LowCacheHitRate", C, 90, _of(GW), 0.1, canonical("0+6x120", ""), (canonical("0+30x120", ""),)),
        Case("LowCacheHitRate", C, 90, _of(GW), 0, canonical("", "0+60x120"), ()),
        Case(
            "LowCacheHitRate",
            G,
            90,
            _of(GG),
            0.1,
            own("0+6x120", "0+54x120"),
            (own("0+30x120", "0+30x120"), own("0+0.1x120", "0+0.9x120"), {}),
        ),
        Case("LowCacheHitRate", G, 90, _of(GG), 0, own("", "0+60x120"), ()),
    ]


LEFT, HOURS = "litellm_remaining_team_budget_metric", "litellm_team_budget_remaining_hours_metric"
_USED = f'llm_tokens_used_total{{{GW},model="m",provider="openai",token_type="input"}}'
_OLLAMA = _USED.replace("openai", "ollama")
_PAID = f"llm_cost_total{{{GW},{MP}}}"
_ENDS = f'llm_model_deprecation_timestamp_seconds{{{GW},model="m"}}'
_ASKED = f'llm_requests_total{{{GW},model="m",status="success"}}'
_COSTS = [
    _plain("HighCost", C, "llm_cost_total", "", "0+1x120", "0+0.1x120", 60, at=90),
    Case(
        "HighDailyCost",
        C,
        1500,
        _of(GW),
        1440,
        {f"llm_cost_total{{{GW}}}": "0+10x200"},
        ({f"llm_cost_total{{{GW}}}": "0+1x200"}, {}),
        step=10,
    ),
    Case(
        "BudgetBurn",
        C,
        400,
        _of(TEAM),
        -2280,
        {f"{LEFT}{{{TEAM}}}": "1000-10x45", f"{HOURS}{{{TEAM}}}": "48x45"},
        (
            {f"{LEFT}{{{TEAM}}}": "1000-0.1x45", f"{HOURS}{{{TEAM}}}": "48x45"},
            {f"{LEFT}{{{TEAM}}}": "Inf+0x45", f"{HOURS}{{{TEAM}}}": "48x45"},
        ),
        step=10,
    ),
    Case(
        "BudgetExceeded",
        C,
        30,
        _of(TEAM),
        -20,
        {f"{LEFT}{{{TEAM}}}": "10-1x40"},
        ({f"{LEFT}{{{TEAM}}}": "5x40"}, {f"{LEFT}{{{TEAM}}}": "Inf+0x40"}, {}),
    ),
    Case(
        "ModelUnpriced",
        C,
        150,
        _of(f"{GW},{MP}"),
        10,
        {_USED: "0+600x160", _PAID: "0x160"},
        ({_USED: "0+600x160", _PAID: "0+1x160"}, {_OLLAMA: "0+600x160"}, {_USED: "0x160"}),
    ),
    Case(
        "PriceCatalogOld",
        C,
        70,
        {"environment": "prod", "instance": "i:4633", "prices": "genai-prices"},
        8004200,
        {f'inferdeck_price_catalog_timestamp_seconds{{{PROD},instance="i:4633",prices="genai-prices"}}': "-8000000x90"},
        ({f'inferdeck_price_catalog_timestamp_seconds{{{PROD},instance="i:4633",prices="genai-prices"}}': "0x90"}, {}),
    ),
    Case(
        "ModelDeprecated",
        C,
        90,
        _of(f'{GW},model="m"'),
        994600,
        {_ENDS: "1000000x120", _ASKED: "0+1x120"},
        ({_ENDS: "1000000x120"}, {_ENDS: "9000000x120", _ASKED: "0+1x120"}, {_ENDS: "1000000x120", _ASKED: "7x120"}),
    ),
]
_WAITING, _READ = f"llm_engine_requests_waiting{{{ENGINE}}}", f"llm_engine_prompt_tokens_total{{{ENGINE}}}"
_KV = f"llm_engine_kv_cache_usage_ratio{{{ENGINE}}}"
_USED_MIB, _FREE_MIB = f"DCGM_FI_DEV_FB_USED{{{CARD}}}", f"DCGM_FI_DEV_FB_FREE{{{CARD}}}"
_HEAT = f"DCGM_FI_DEV_GPU_TEMP{{{CARD}}}"
_UP = f'up{{{PROD},job="vllm",instance="e1:8000"}}'
_AVAILABLE, _SIZE = (f'node_filesystem_{what}_bytes{{{DISK},fstype="ext4"}}' for what in ("avail", "size"))
_STACK = [
    Case("KvCacheFull", C, 30, _of(ENGINE), 0.99, {_KV: "0.99x60"}, ({_KV: "0.5x60"}, {})),
    Case("QueueGrowing", C, 40, _of(ENGINE), 40, {_WAITING: "0+1x60"}, ({_WAITING: "50x60"}, {_WAITING: "0x60"}, {})),
    Case("EngineRestarted", C, 20, _of(ENGINE), 1, {_READ: "0+10x10 0+10x30"}, ({_READ: "0+10x60"}, {})),
    Case("GpuHot", C, 20, _of(CARD), 90, {_HEAT: "90x60"}, ({_HEAT: "80x60"}, {_HEAT: "80x14 90x2 80x60"}, {})),
    Case(
        "GpuMemoryFull",
        C,
        30,
        _of(CARD),
        0.98,
        {_USED_MIB: "980x60", _FREE_MIB: "20x60"},
        ({_USED_MIB: "900x60", _FREE_MIB: "100x60"}, {}),
    ),
    Case(
        "TargetDown",
        C,
        20,
        {"environment": "prod", "job": "vllm", "instance": "e1:8000"},
        0,
        {_UP: "1x5 0x60"},
        ({_UP: "1x60"}, {_UP: "1x5 stale"}, {_UP: "1x17 0x2 1x60"}, {}),
    ),
    Case(
        "DiskFilling",
        C,
        450,
        _of(DISK, fstype="ext4"),
        -2780,
        {_AVAILABLE: "1000-20x48", _SIZE: "10000x48"},
        (
            {_AVAILABLE: "1000x48", _SIZE: "10000x48"},
            {_AVAILABLE: "9000-20x48", _SIZE: "10000x48"},
            {
                name.replace("ext4", "tmpfs"): values
                for name, values in ((_AVAILABLE, "1000-20x48"), (_SIZE, "10000x48"))
            },
        ),
        step=10,
    ),
]
_WINDOWS = {"Fast": (100, 1), "Slow": (450, 10), "Long": (4500, 60)}
"""Minutes at which each pair of windows is full, and the minutes between two values."""


def _burning(family: Family) -> list[Case]:
    base = GW if family is C else GG
    found = []
    for window, (at, step) in _WINDOWS.items():
        many = at // step + 10
        requests = "llm_requests_total" if family is C else f"{OWN}requests_total"
        failing = {
            f'{requests}{{{base},status="error"}}': f"0+30x{many}",
            f'{requests}{{{base},status="success"}}': f"0+70x{many}",
        }
        few = {name: values.replace("0+30", "0+0.5").replace("0+70", "0+99.5") for name, values in failing.items()}
        found.append(Case(f"SuccessBudgetBurn{window}", family, at, _of(base), 0.3, failing, (few, {}), step))
        for alert, metric, le in (
            (
                "LatencyBudgetBurn",
                "llm_request_duration_seconds" if family is C else f"{OWN}request_duration_seconds",
                "10",
            ),
            ("FirstTokenBudgetBurn", "llm_time_to_first_token_seconds" if family is C else f"{OWN}ttft_seconds", "5.0"),
        ):
            slow = _histogram(metric, base, {le: f"0+70x{many}"}, f"0+100x{many}")
            fine = _histogram(metric, base, {le: f"0+99.5x{many}"}, f"0+100x{many}")
            unknown = _histogram(metric, base, {"7": f"0+70x{many}"}, f"0+100x{many}")
            found.append(Case(f"{alert}{window}", family, at, _of(base), 0.3, slow, (fine, unknown, {}), step))
        health = f"{'llm_' if family is C else OWN}provider_health{{{base},{P}}}"
        found.append(
            Case(
                f"ProviderBudgetBurn{window}",
                family,
                at,
                _of(f"{base},{P}"),
                1,
                {health: f"0x{many}"},
                ({health: f"1x{many}"}, {}),
                step,
            )
        )
    return found


CASES: tuple[Case, ...] = (
    *_AVAILABILITY,
    *_LATENCY,
    *_ERRORS,
    *_CAPACITY,
    *_tokens(C),
    *_tokens(G),
    *_cache(),
    *_COSTS,
    *_STACK,
    *_burning(C),
    *_burning(G),
)
