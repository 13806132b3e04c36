#!/bin/sh
# Fits a straight line through noisy points by gradient descent, in awk: any language will do.
# Usage: train.sh LR MOMENTUM BATCH SCHEDULE EPOCHS SEED FOLDER
# Writes one line of JSON per epoch to FOLDER/metrics.jsonl.
set -eu

echo "training with lr=$1 momentum=$2 batch=$3 schedule=$4 for $5 epochs, seed $6"

awk -v lr="$1" -v momentum="$2" -v batch="$3" -v schedule="$4" -v epochs="$5" -v seed="$6" '
function noise() { return rand() + rand() + rand() + rand() - 2 }
function rate(epoch) {
    return schedule == "cosine" ? lr * (1 + cos(3.14159 * epoch / epochs)) / 2 : lr
}
function loss(from, to,    i, error, total) {
    for (i = from; i < to; i++) { error = w * x[i] + b - y[i]; total += error * error }
    return total / (to - from)
}
BEGIN {
    srand(seed); points = 256; held_out = 64
    for (i = 0; i < points + held_out; i++) { x[i] = noise(); y[i] = 3 * x[i] - 1 + noise() / 2 }
    for (epoch = 0; epoch < epochs; epoch++) {
        for (i = 0; i + batch <= points; i += batch) {
            gw = gb = 0
            for (j = i; j < i + batch; j++) {
                error = w * x[j] + b - y[j]
                gw += 2 * error * x[j] / batch; gb += 2 * error / batch
            }
            vw = momentum * vw - rate(epoch) * gw; w += vw
            vb = momentum * vb - rate(epoch) * gb; b += vb
        }
        printf "{\"step\": %d, \"train_loss\": %.6g, \"val_loss\": %.6g}\n", epoch, \
            loss(0, points), loss(points, points + held_out)
        fflush()
    }
}' > "$7/metrics.jsonl"
