"""Export: studies and runs for where people look at theirs: TensorBoard, MLflow, W&B, Optuna."""
