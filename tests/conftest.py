"""What every test begins with."""

import signal

# A job in the background of a shell (`nohup`, `trap "" INT`) is started with Ctrl-C ignored, and so
# is every process that the tests start in turn: those that press it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
