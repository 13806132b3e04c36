import torch
from dataclasses import dataclass, field
from transformers import (
    HfArgumentParser,
    Trainer,
    TrainingArguments,
    BertConfig,
    BertForSequenceClassification,
)


@dataclass
class ModelArguments:
    hidden_size: int = field(default=32)
    dropout: float = field(default=0.1)


class Words(torch.utils.data.Dataset):
    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.x = torch.randint(0, 50, (n, 12), generator=g)
        self.y = (self.x[:, 0] > 25).long()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return {"input_ids": self.x[i], "labels": self.y[i]}


def main():
    parser = HfArgumentParser((ModelArguments, TrainingArguments))
    model_args, args = parser.parse_args_into_dataclasses()
    args.eval_strategy = "epoch"
    args.report_to = []
    args.use_cpu = True
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=50,
            hidden_size=model_args.hidden_size,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            hidden_dropout_prob=model_args.dropout,
        )
    )
    trainer = Trainer(
        model=model, args=args, train_dataset=Words(256, 0), eval_dataset=Words(64, 1)
    )
    trainer.train()


if __name__ == "__main__":
    main()
