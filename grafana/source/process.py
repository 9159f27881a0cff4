"""The row of *Connections and retries* about the processes themselves: loop, failures, memory, CPU, files, version."""

from actors.runtime.loop_health import STUCK_AFTER
from grafana.source.panels import (
    AMBER,
    BYTES,
    COUNT,
    GREEN,
    LOG,
    PER_MINUTE,
    PURPLE,
    RED,
    SECONDS,
    SHARE,
    WHEN,
    About,
    Query,
    lines,
    rows,
)
from grafana.source.queries import chosen, happened, quantile, total


def _of_processes(metric: str) -> str:
    return f"sum by (instance) ({chosen(metric)})"


PROCESS = [
    lines(
        About(
            501,
            "Event loop: how late",
            SECONDS,
            shows="How late the event loop was for its own timer, in half and in 99 % of cases. The dashed line is "
            "where it counts as stuck.",
            act="Above some tenths of a second everything is late. Too little CPU (see there), or an agent of your own "
            "that blocks; a plain iterator runs in a thread and does not.",
        ),
        Query(quantile(0.5, "dingtalk_event_loop_lag_seconds"), "50 %"),
        Query(quantile(0.99, "dingtalk_event_loop_lag_seconds"), "99 %"),
        colours={"50 %": GREEN, "99 %": PURPLE},
        steps=((None, GREEN), (STUCK_AFTER, RED)),
        scale=LOG,
    ),
    lines(
        About(
            502,
            "Event loop stuck",
            PER_MINUTE,
            shows="Times a minute that the event loop was stuck for more than a second.",
            act="The log has the stack that held it up (action loop_stuck). A stack that ends in select means that the "
            "whole process stood still: CPU limit, or the node.",
            empty="it was never stuck",
        ),
        Query(happened("dingtalk_event_loop_stuck_total", "instance"), "{{instance}}"),
        shades=RED,
        rare=True,
    ),
    lines(
        About(
            503,
            "Actor failures",
            PER_MINUTE,
            shows="Actors that died of an unexpected exception, a minute, by kind.",
            act="Always a bug: the log has it with its stack (action actor_failed). What it was doing is taken up "
            "again from the inbox.",
            empty="no actor failed",
        ),
        Query(happened("dingtalk_actor_failures_total", "actor"), "{{actor}}"),
        shades=RED,
        rare=True,
    ),
    lines(
        About(
            504,
            "Memory",
            BYTES,
            shows="Resident memory of each process.",
            act="Steps with the number of conversations are normal. If it climbs without them, restart and report it; "
            "keep the limit well above what is normal by day.",
        ),
        Query(_of_processes("process_resident_memory_bytes"), "{{instance}}"),
    ),
    lines(
        About(
            505,
            "CPU",
            SHARE,
            shows="Share of one core that each process uses. The event loop cannot use more than one.",
            act="Above 80 % for long answers stutter and acks come late: add a process, or lower CARD_MAX_UPDATES.",
        ),
        Query(
            f"sum by (instance) (rate({chosen('process_cpu_seconds_total')}[$__rate_interval]))",
            "{{instance}}",
        ),
        steps=((None, GREEN), (0.8, AMBER), (1, RED)),
    ),
    lines(
        About(
            506,
            "File descriptors",
            SHARE,
            shows="Open files and sockets of each process, as a share of its limit.",
            act="If it climbs with no more conversations, something leaks sockets: restart and report it.",
        ),
        Query(
            f"{_of_processes('process_open_fds')} / {_of_processes('process_max_fds')}",
            "{{instance}}",
        ),
        steps=((None, GREEN), (0.8, RED)),
        most=1,
    ),
    lines(
        About(
            508,
            "Answers running, by process",
            COUNT,
            shows="Answers being given in each process. DingTalk gives a message to any of them, so they are about "
            "alike, and their mean is what an autoscaler goes by.",
            act="All near MAX_CONCURRENT_TURNS: people wait; more processes help, if the agent can take more. One far "
            "below the others: see whether its connections are there.",
            width=12,
        ),
        Query(total("dingtalk_turns_in_progress", "instance"), "{{instance}}"),
    ),
    rows(
        About(
            507,
            "Processes",
            WHEN,
            shows="Every process, its version, and since when it runs.",
            act="A young process beside no deployment was restarted: `kubectl describe pod` says why; exit code 70 is "
            "the supervisor giving up.",
            empty="no process runs",
            width=12,
        ),
        Query(
            f"{chosen('process_start_time_seconds')} * 1000 "
            f"* on (instance, job) group_left (version) {chosen('dingtalk_build_info')}"
        ),
        columns={"instance": "Process", "version": "Version", "Value": "Running since"},
    ),
]
