"""Healthy loops that learn from rewards: their losses measure something else than the score."""

import copy

import torch
from common import maximise
from torch import nn
from torch.nn import functional as F

import homeostat as hs

RATE = hs.Space(lr=hs.Float(1e-4, 3e-2, log=True, default=5e-3))


def policy(outputs=3):
    return nn.Sequential(nn.Linear(5, 32), nn.Tanh(), nn.Linear(32, outputs))


def pays(state, action):
    """1 where the action is the largest of the first three numbers of the state."""
    return (state[:, :3].argmax(1) == action).float()


def score(net, rows=300):
    state = torch.randn(rows, 5, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return pays(state, net(state)[:, :3].argmax(1)).mean()


@maximise("reward", budget=100, space=RATE)
def reinforce_with_a_moving_baseline(config, trial):
    net, usual = policy(), 0.0
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        state = torch.randn(64, 5)
        chosen = torch.distributions.Categorical(logits=net(state))
        action = chosen.sample()
        reward = pays(state, action)
        loss = -((reward - usual) * chosen.log_prob(action)).mean()
        usual = 0.9 * usual + 0.1 * float(reward.mean())
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, reward=score(net), loss=loss)


@maximise("reward", budget=100, space=RATE)
def actor_and_critic_with_two_optimisers(config, trial):
    actor, critic = policy(), policy(1)
    opt_a = torch.optim.Adam(actor.parameters(), config.lr)
    opt_c = torch.optim.Adam(critic.parameters(), config.lr)
    trial.watch(actor, critic, opt_a, opt_c)
    for step in trial.steps():
        state = torch.randn(64, 5)
        chosen = torch.distributions.Categorical(logits=actor(state))
        action = chosen.sample()
        reward = pays(state, action)
        value = critic(state)[:, 0]
        loss_c = F.mse_loss(value, reward)
        opt_c.zero_grad()
        loss_c.backward()
        opt_c.step()
        loss_a = -((reward - value.detach()) * chosen.log_prob(action)).mean()
        opt_a.zero_grad()
        loss_a.backward()
        opt_a.step()
        yield hs.Report(step, reward=score(actor), value_loss=loss_c)


@maximise("reward", budget=80, space=hs.Space(
    lr=hs.Float(1e-4, 3e-2, log=True, default=5e-3), every=hs.Int(2, 20, default=8)
))  # fmt: skip
def deep_q_with_a_target_network(config, trial):
    """Targets move with the network: the loss may rise while the score does."""
    net = policy()
    target = copy.deepcopy(net)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    memory = []
    for step in trial.steps():
        state, later = torch.randn(32, 5), torch.randn(32, 5)
        with torch.no_grad():
            greedy = net(state).argmax(1)
        action = torch.where(torch.rand(32) < 0.2, torch.randint(3, (32,)), greedy)
        memory = [*memory, (state, action, pays(state, action), later)][-20:]
        parts = zip(*(memory[i] for i in torch.randint(len(memory), (4,))), strict=True)
        s, a, r, n = (torch.cat(part) for part in parts)
        with torch.no_grad():
            wanted = r + 0.5 * target(n).max(1).values
        loss = F.smooth_l1_loss(net(s).gather(1, a[:, None])[:, 0], wanted)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % config.every == 0:
            target.load_state_dict(net.state_dict())
        yield hs.Report(step, reward=score(net), td_loss=loss)


@maximise("reward", budget=40, space=RATE)
def clipped_policy_with_a_shared_body(config, trial):
    """PPO: the critic's target depends on the action that was drawn, not on the state alone."""
    net = policy(4)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        state = torch.randn(96, 5)
        with torch.no_grad():
            said = net(state)
            chosen = torch.distributions.Categorical(logits=said[:, :3])
            action = chosen.sample()
            before = chosen.log_prob(action)
            reward = pays(state, action)
            gain = reward - said[:, 3]
            gain = (gain - gain.mean()) / (gain.std() + 1e-8)
        for _ in range(3):
            said = net(state)
            chosen = torch.distributions.Categorical(logits=said[:, :3])
            ratio = (chosen.log_prob(action) - before).exp()
            kept = torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
            loss = 0.5 * F.mse_loss(said[:, 3], reward) - kept - 0.01 * chosen.entropy().mean()
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            opt.step()
        yield hs.Report(step, reward=score(net), loss=loss)


@maximise("reward", budget=80, space=RATE)
def soft_actor_critic_on_one_step(config, trial):
    """A continuous action, twin critics, and a temperature that is learnt too."""
    actor = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 2))
    twins = nn.ModuleList(
        nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1)) for _ in "ab"
    )
    heat = torch.zeros(1, requires_grad=True)
    opt_a = torch.optim.Adam(actor.parameters(), config.lr)
    opt_q = torch.optim.Adam(twins.parameters(), config.lr)
    opt_h = torch.optim.Adam([heat], config.lr)
    trial.watch(actor, twins, opt_a, opt_q, opt_h)
    test = torch.randn(200, 3)

    def reward(state, action):
        return -(action - torch.tanh(state[:, :1])).square()[:, 0]

    for step in trial.steps():
        state = torch.randn(64, 3)
        mean, spread = actor(state).chunk(2, 1)
        dist = torch.distributions.Normal(mean, spread.clamp(-3, 1).exp())
        action = dist.rsample()
        with torch.no_grad():
            wanted = reward(state, action)
        both = torch.cat([state, action.detach()], 1)
        loss_q = sum(F.mse_loss(q(both)[:, 0], wanted) for q in twins)
        opt_q.zero_grad()
        loss_q.backward()
        opt_q.step()
        value = torch.min(*(q(torch.cat([state, action], 1)) for q in twins))[:, 0]
        chance = dist.log_prob(action).sum(1)
        loss_a = (0.1 * heat.exp().detach() * chance - value).mean()
        opt_a.zero_grad()
        loss_a.backward()
        opt_a.step()
        loss_h = -(heat * (chance.detach() - 1.0)).mean()
        opt_h.zero_grad()
        loss_h.backward()
        opt_h.step()
        with torch.no_grad():
            yield hs.Report(step, reward=reward(test, actor(test)[:, :1]).mean(), loss_q=loss_q)


@maximise("reward", budget=40, space=hs.Space(
    lr=hs.Float(1e-3, 1.0, log=True, default=0.1), noise=hs.Float(0.01, 0.3, log=True, default=0.05)
))  # fmt: skip
def evolution_strategy(config, trial):
    """No gradient at all: weights follow the rewards of perturbed copies."""
    weights = torch.zeros(5, 3)
    for step in trial.steps():
        noise = torch.randn(24, 5, 3)
        noise = torch.cat([noise, -noise])
        state = torch.randn(256, 5)
        made = torch.einsum("ni,kij->knj", state, weights + config.noise * noise)
        gains = (state[:, :3].argmax(1) == made.argmax(2)).float().mean(1)
        gains = (gains - gains.mean()) / (gains.std() + 1e-8)
        weights = weights + config.lr * torch.einsum("k,kij->ij", gains, noise) / len(noise)
        yield hs.Report(step, reward=score(lambda x, w=weights: x @ w))


@maximise("reward", budget=60, space=RATE)
def preferences_against_a_reference(config, trial):
    """Pairs of answers, one preferred; the policy is held near a frozen copy of its start."""
    net = policy()
    first = copy.deepcopy(net).requires_grad_(False)
    opt = torch.optim.AdamW(net.parameters(), config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        state = torch.randn(64, 5)
        good = state[:, :3].argmax(1)
        bad = (good + torch.randint(1, 3, (64,))) % 3
        new, old = net(state).log_softmax(1), first(state).log_softmax(1)
        gain = (new - old).gather(1, good[:, None]) - (new - old).gather(1, bad[:, None])
        loss = -F.logsigmoid(0.5 * gain).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, reward=score(net), loss=loss)
