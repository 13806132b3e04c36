"""Questions that need no pattern, by the name under which each is asked."""

from homeostat.inspect.probe.check_module import CheckModule

QUESTIONS: dict[str, CheckModule] = {
    "loss terms": CheckModule("summands"),
    "gradients of others": CheckModule("foreign"),
    "accumulation": CheckModule("accumulation"),
    "equalities": CheckModule("equalities"),
    "optimiser life": CheckModule("rebirth"),
    "rate": CheckModule("rates"),
    "loading": CheckModule("copies"),
    "weights between steps": CheckModule("moved_outside"),
    "backward start": CheckModule("start"),
    "in place": CheckModule("overwritten"),
    "broadcast": CheckModule("outer"),
    "output range": CheckModule("output_range"),
    "last operation": CheckModule("links"),
    "first loss": CheckModule("first_loss"),
    "input scale": CheckModule("scale"),
    "scored inputs": CheckModule("scored"),
    "validation rows": CheckModule("validation_rows"),
    "training rows": CheckModule("training_rows"),
    "shuffling": CheckModule("shuffling"),
    "accuracy": CheckModule("metric"),
    "units": CheckModule("alike"),
    "shared layers": CheckModule("one_module"),
    "frozen parts": CheckModule("frozen"),
    "running statistics": CheckModule("averages"),
    "half precision": CheckModule("half"),
    "empty means": CheckModule("counts"),
    "target shift": CheckModule("shift"),
    # These ask the trained model again.
    "rows": CheckModule("rows"),
    "answers": CheckModule("answers"),
    "padding": CheckModule("padding"),
    "inputs": CheckModule("inputs"),
    "randomness": CheckModule("randomness"),
}
