"""What the process answers to its caller."""

SUCCESS = 0
FAILED = 1  # the command ran, and the answer is no
BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT
BROKEN_PIPE = 141  # 128 + SIGPIPE
