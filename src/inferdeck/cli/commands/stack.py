"""Commands about what there is: models, services, containers, cards, routes, sources."""

from __future__ import annotations

from inferdeck.cli.commands.form import AT, ENVIRONMENT, HOST, JSON, PAGE, Command, option, seconds, whole

PROBES = ("direct", "member", "stream", "embedding", "capability", "pool", "fallback")
KIND = option(
    "kind",
    metavar="KIND",
    help="litellm, vllm, sglang, tgi, llamacpp, ollama, redis, docker, nvidia, dcgm, host, systemd, logs, langfuse, "
    "huggingface or prometheus",
)
ENTRY = (
    KIND,
    option("address", metavar="URL", nargs="?", help="where it listens; the kind's usual place where absent"),
    option("--key-env", metavar="NAME", help="environment variable that holds its key"),
    option("--key-file", metavar="PATH", help="file that holds its key"),
    option("--set", metavar="KEY=VALUE", action="append", default=[], help="any other key of the source"),
    JSON,
)

COMMANDS: tuple[Command, ...] = (
    Command(
        ("models",),
        "list all models with their prices, or show one with everything known of it and how to ask for it",
        "models:models",
        (
            option("name", metavar="NAME", nargs="?", help="one model"),
            option("--type", metavar="TYPE", help="LLM, Embedding, Reranker, …"),
            option("--provider", metavar="NAME", help="only what this provider serves"),
            option("--capability", metavar="WORD", help="vision, tools, json, reasoning, streaming, …"),
            option("--status", metavar="WORD", help="available, degraded, loading, error or unknown"),
            option("--environment", metavar="NAME", help="only this environment"),
            option(
                "--sort",
                metavar="BY",
                help="name, type, provider, status, context, parameters, price, requests; --sort=-price reverses",
            ),
            AT,
            *PAGE,
        ),
    ),
    Command(
        ("providers",),
        "list providers with latency, errors, cost and score",
        "providers:providers",
        (
            option("--state", metavar="WORD", help="ok, degraded, failing, down or idle"),
            option("--gateway", metavar="NAME", help="only as this gateway sees them"),
            option("--environment", metavar="NAME", help="only this environment"),
            option(
                "--sort",
                metavar="BY",
                help="name, state, requests, errors, latency, cost, score; --sort=-score reverses",
            ),
            AT,
            *PAGE,
        ),
    ),
    Command(
        ("services",),
        "list services with their process, container or unit: CPU, memory, uptime, restarts",
        "services:services",
        (
            option("--kind", metavar="KIND", help="only services of this kind, such as vllm"),
            option("--health", metavar="HEALTH", help="only those that are up, down or unknown"),
            ENVIRONMENT,
            HOST,
            AT,
            *PAGE,
        ),
    ),
    Command(
        ("containers",),
        "list containers, what runs in them and on which cards",
        "containers:containers",
        (
            option("--state", metavar="STATE", help="only those in this state, such as running or exited"),
            option("--health", metavar="HEALTH", help="only healthy, unhealthy or starting ones"),
            option("--project", metavar="NAME", help="only those of this compose project"),
            ENVIRONMENT,
            HOST,
            AT,
            *PAGE,
        ),
    ),
    Command(
        ("gpus",),
        "list GPUs: load, memory, heat, what holds them back, who uses them",
        "gpus:gpus",
        (option("--model", metavar="NAME", help="only cards of this model"), ENVIRONMENT, HOST, AT, *PAGE),
    ),
    Command(
        ("routes",),
        "show where requests for each public model go: deployments, engines, containers, cards, fallbacks",
        "routes:routes",
        (
            option("--model", metavar="NAME", help="only this public model"),
            option("--gateway", metavar="NAME", help="only this gateway's models"),
            option("--state", metavar="STATE", help="only models that are active, degraded, inactive or unknown"),
            option("--origin", metavar="ORIGIN", help="only what the running gateway says, or this file"),
            option("--why", action="store_true", help="say for each link what it is known from, or why it is not"),
            ENVIRONMENT,
            AT,
            *PAGE,
        ),
    ),
    Command(
        ("probe", "routing"),
        "prove where a gateway sends requests, by sending some: models, streams, pools, fallbacks, capabilities",
        "probe:routing",
        (
            option("--gateway", metavar="NAME", help="which gateway: its name, or http://HOST:PORT"),
            option("--model", metavar="NAME", action="append", default=[], help="only this public model; repeatable"),
            option("--kind", action="append", default=[], choices=PROBES, help="only such cases; repeatable"),
            option("--models", type=whole(1, 100_000), default=50, metavar="N", help="this many models at most (50)"),
            option(
                "--pool-requests",
                type=whole(1, 100_000),
                metavar="N",
                help="requests to each pool; as many as a verdict needs where absent, 400 at most",
            ),
            option("--timeout", type=seconds, default=60.0, metavar="SECONDS", help="for each request (60)"),
            option("--yes", action="store_true", help="send, also where it may cost money"),
            option("--format", choices=("text", "json", "junit"), default="text", help="how to report (text)"),
        ),
    ),
    Command(("sources", "list"), "list what is watched", "sources:list_all", (JSON,)),
    Command(
        ("sources", "explain"),
        "show one source: probes, effects, cost, errors",
        "sources:explain",
        (
            option("source", metavar="SOURCE", help="its id, name or host:port, or its kind where only one is of it"),
            JSON,
        ),
    ),
    Command(("sources", "test"), "read a source once, store nothing", "sources:test", ENTRY),
    Command(("sources", "add"), "test a source and write it to the configuration file", "sources:add", ENTRY),
)
