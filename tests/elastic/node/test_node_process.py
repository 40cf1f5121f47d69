"""Where a start fails, the log's telling lines are shown."""

from mlmon.elastic.node.node_process import failure_lines

LOG = """\
[2026-01-01T00:00:00,000][INFO ][o.e.n.Node] [mlmon] version[9.5.3]
[2026-01-01T00:00:01,000][ERROR][o.e.b.Elasticsearch] [mlmon] fatal exception while booting
java.lang.IllegalStateException: failed to obtain node locks
\tat org.elasticsearch.env.NodeEnvironment.<init>(NodeEnvironment.java:311)
Caused by: java.io.IOException: failed to obtain lock on /data
\tat org.elasticsearch.env.NodeEnvironment.lambda$new$0(NodeEnvironment.java:238)
\t... 14 more
[2026-01-01T00:00:02,000][INFO ][o.e.n.Node] [mlmon] closed
"""
JAVA = """\
WARNING: Unknown module: org.apache.arrow.memory.core specified to --add-opens
java.lang.RuntimeException: starting java failed with [1]
output:
Error occurred during initialization of VM
Too small maximum heap
error:

\tat org.elasticsearch.server.cli.JvmOption.flagsFinal(JvmOption.java:125)
"""


def test_telling_lines_are_errors_without_frames() -> None:
    """Errors and causes are shown, stack frames and information are not."""
    lines = failure_lines(LOG)
    assert [line.split(" ", 1)[0] for line in lines] == [
        "[2026-01-01T00:00:01,000][ERROR][o.e.b.Elasticsearch]",
        "java.lang.IllegalStateException:",
        "Caused",
    ]


def test_the_words_of_java_itself_are_shown() -> None:
    """Where Java does not start, its reason stands between bare headings and is shown."""
    assert failure_lines(JAVA) == [
        "java.lang.RuntimeException: starting java failed with [1]",
        "Error occurred during initialization of VM",
        "Too small maximum heap",
    ]


def test_a_log_without_errors_shows_its_end() -> None:
    """Where nothing names a failure, the last lines are better than none; an empty log has none."""
    log = "".join(f"[now][INFO ][o.e.n.Node] {number}\n\n" for number in range(5))
    assert failure_lines(log, most=2) == [
        "[now][INFO ][o.e.n.Node] 3",
        "[now][INFO ][o.e.n.Node] 4",
    ]
    assert failure_lines("") == []
