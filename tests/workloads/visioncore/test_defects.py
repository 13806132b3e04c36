"""One test for each silent defect of the guide's source, so that none comes back."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn
from torch.testing import assert_close

from homeostat.errors import UnknownNameError
from homeostat.workloads.visioncore import dynamics as truth
from homeostat.workloads.visioncore import gaze as simulated
from homeostat.workloads.visioncore.layers import (
    NUM_GAZE_FEATURES,
    Adapter,
    GazeFeatures,
    moving_average,
)
from homeostat.workloads.visioncore.polar import (
    DT,
    SACCADE_GATE,
    Dynamics,
    GazeEncoder,
    PolarSettings,
    PolarV1,
    QuadratureBank,
    Summary,
    motion_energy,
    phase_products,
    relaxation_weights,
)
from homeostat.workloads.visioncore.resnet import ConvGRU, ResNetConvGRU, ResNetSettings
from homeostat.workloads.visioncore.training import (
    FreeViewing,
    Stepper,
    VisionTrainSettings,
    poisson_loss,
)

NEURONS = {"ana": 3, "ben": 2}
SMALL = ResNetSettings(channels=(4, 4, 8), hidden=8, dropout=0.0)


# 1. core_lr_scale was assigned after the scaled rate had been computed.


def _weights_after_two_steps(order: str, scale: float, batch) -> torch.Tensor:
    torch.manual_seed(0)
    model = ResNetConvGRU(SMALL, NEURONS, 24)
    settings = VisionTrainSettings(core_lr_scale=scale, warmup_steps=0)
    if order == "scale_first":
        module = FreeViewing(model, settings)
    else:
        module = FreeViewing(model, settings, core_lr_scale=1.0)
        module.core_lr_scale = scale
    stepper = Stepper(module, "cpu")
    for _ in range(2):
        stepper.step([batch])
    return torch.cat([p.detach().ravel() for p in model.parameters()])


def test_the_cores_scale_changes_training(batch):
    assert not torch.equal(
        _weights_after_two_steps("scale_first", 0.5, batch),
        _weights_after_two_steps("scale_first", 2.0, batch),
    )


def test_the_cores_scale_is_inert_in_the_sources_order(batch):
    assert torch.equal(
        _weights_after_two_steps("rate_first", 0.5, batch),
        _weights_after_two_steps("rate_first", 2.0, batch),
    )


# 2. Filters, readouts and the gaze network were created in the first forward pass.


@pytest.mark.parametrize("family", [ResNetConvGRU, PolarV1])
def test_all_modules_exist_before_the_first_forward_pass(family, batch):
    settings = SMALL if family is ResNetConvGRU else PolarSettings(pairs=4)
    model = family(settings, NEURONS, 24)
    before = [name for name, _ in model.named_modules()]
    model(batch)
    assert [name for name, _ in model.named_modules()] == before
    assert not any(isinstance(m, nn.modules.lazy.LazyModuleMixin) for m in model.modules())


# 3. Time constants sat in the head's parameter group.


def test_time_constants_have_a_rate_of_their_own_and_no_decay():
    model = PolarV1(PolarSettings(), NEURONS, 24)
    settings = VisionTrainSettings(lr=1e-3, temporal_lr_scale=30.0, weight_decay=0.1)
    optimizer = FreeViewing(model, settings).configure_optimizers()["optimizer"]
    (group,) = (g for g in optimizer.param_groups if g["name"] == "temporal")
    assert {id(p) for p in group["params"]} == {id(p) for p in model.temporal_parameters()}
    assert len(group["params"]) == 4
    assert group["initial_lr"] == pytest.approx(0.03)
    assert group["weight_decay"] == 0.0


# 4. The zip loss fell back to Poisson.


def test_there_is_one_loss_and_a_setting_for_another_is_refused():
    from homeostat.workloads.visioncore.workload import space

    with pytest.raises(UnknownNameError):
        space.resolve({"loss_type": "zip"})


def test_the_loss_is_the_masked_poisson_likelihood(batch):
    rates = {n: torch.rand_like(c.spikes_BTN) + 0.1 for n, c in batch.items()}
    by_torch = []
    for name, clip in batch.items():
        nll = nn.PoissonNLLLoss(log_input=False, reduction="none", eps=0.0)
        by_torch.append(nll(rates[name], clip.spikes_BTN)[clip.mask_BT].mean())
    assert_close(poisson_loss(rates, batch), torch.stack(by_torch).mean())


# 5. The initialisation was never called.


def test_proper_initialisation_changes_the_weights_and_keeps_activity_in_scale(batch):
    torch.manual_seed(0)
    proper = ResNetConvGRU(SMALL, NEURONS, 24)
    torch.manual_seed(0)
    default = ResNetConvGRU(
        ResNetSettings(channels=(4, 4, 8), hidden=8, dropout=0.0, init="default"), NEURONS, 24
    )
    assert not torch.equal(proper.convnet[0].first.weight, default.convnet[0].first.weight)
    assert proper.convnet[0].norm_2.scale.unique().tolist() == [pytest.approx(0.3)]


# 6. The lag axis ran newest first.


def test_the_last_value_is_the_newest_and_averages_favour_it():
    summary = Summary(PolarSettings())
    ramp = torch.arange(48.0).view(1, 48, 1, 1)
    last, fast, slow, change = summary(ramp).unbind(2)
    assert_close(last[:, -1], ramp[:, -1, 0])
    assert 40 < fast[0, -1, 0] < 47
    assert slow[0, -1, 0] < fast[0, -1, 0]
    assert_close(change[0, 1:, 0], torch.ones(47))


def test_velocity_points_where_the_eye_goes():
    gaze = torch.zeros(1, 48, 2)
    gaze[0, :, 0] = torch.arange(48.0) / 120.0  # one degree a second to the right
    features = GazeFeatures()(gaze)
    assert features.shape[-1] == NUM_GAZE_FEATURES
    assert_close(features[0, 1:, 0], torch.full((47,), 0.01), atol=1e-5, rtol=1e-3)


# 7. Dynamics relaxed within one frame and had no memory; its phase lacked 2 pi.


def _impulse_response(form: str) -> torch.Tensor:
    dynamics = Dynamics(PolarSettings(levels=1, pairs=1, dynamics=form))
    seen = torch.zeros(1, 48, 1, 1)
    seen[0, 5] = 1.0
    decay = dynamics.decay_BT(torch.zeros(1, 48))
    return (dynamics(seen, 0, decay) - dynamics(0.0 * seen, 0, decay))[0, :, 0, 0].detach()


def test_recurrent_dynamics_remember_and_the_sources_do_not():
    assert _impulse_response("per_frame").nonzero().ravel().tolist() == [5]
    recurrent = _impulse_response("recurrent")
    assert torch.all(recurrent[:5] == 0)
    assert_close(recurrent[6:] / recurrent[5:-1], torch.full((42,), float(np.exp(-10.0 * DT))))


def test_the_recurrence_is_the_one_the_simulator_uses():
    rng = np.random.default_rng(0)
    drive, rate = rng.random((48, 5)), rng.uniform(5.0, 60.0, 48)
    weight, start = relaxation_weights(torch.from_numpy(rate * DT)[None])
    ours = weight[0].numpy() @ drive + start[0].numpy()[:, None] * drive[0]
    assert_allclose(ours, truth.relax_TN(drive, rate), rtol=1e-10)


def test_phase_advances_by_two_pi_for_each_cycle_the_image_moves():
    settings = PolarSettings(levels=1, pairs=8)
    encoder = GazeEncoder(settings)
    with torch.no_grad():
        for head in (encoder.velocity, encoder.gamma, encoder.rho):
            head.weight.zero_()
            head.bias.zero_()
        encoder.gamma.bias.fill_(-20.0)  # gamma = 1
        encoder.velocity.bias[0] = float(np.arctanh(30.0 / 50.0))  # 30 pixels a second
    turn = encoder(torch.zeros(1, 4, 2)).turn_SBTM[0, 0, 0, 0]
    # A grating that drifts to the left by 30 px/s, seen by the pair that prefers it.
    x = torch.arange(24.0)
    moved = [x + 30.0 * DT * t for t in range(4)]
    frames = torch.stack([torch.cos(2 * np.pi * 0.15 * m).expand(24, 24) for m in moved])
    _, cosine, sine = QuadratureBank(8, 9, "gabor")(frames[:, None], 1)
    centre = torch.complex(cosine[:, 0, 12, 12], sine[:, 0, 12, 12])
    measured = torch.angle(centre[1:] * centre[:-1].conj())
    # A filter of nine pixels holds the grating to 5 %; without 2 pi it would be off by 84 %.
    assert_close(measured.abs(), turn.abs().expand(3), rtol=0.05, atol=0.0)


def test_a_foretold_phase_change_has_no_motion_energy():
    angle = 0.3 * torch.arange(6.0).view(1, 6, 1, 1, 1)
    along, across = phase_products(torch.cos(angle), torch.sin(angle))
    turn = torch.full((1, 6, 1, 1, 1), -0.6)
    assert_close(
        motion_energy(along, across, turn)[:, 2:], torch.zeros(1, 4, 1, 1, 1), atol=1e-6, rtol=0
    )
    assert torch.all(motion_energy(along, across, 0.0 * turn)[:, 2:] > 0.1)


# 8. Moving averages without bias correction turned alpha into a gain.


@pytest.mark.parametrize(
    ("alpha", "gain"), [(0.74, 0.95), (0.80, 0.89), (0.90, 0.65), (0.95, 0.40)]
)
def test_alpha_is_not_a_gain(alpha, gain):
    ten_frames = torch.ones(1, 10, 1)
    corrected = moving_average(ten_frames, torch.tensor(alpha))
    assert_close(corrected, ten_frames)
    raw = moving_average(ten_frames, torch.tensor(alpha), corrected=False)
    assert raw[0, -1, 0].item() == pytest.approx(gain, abs=0.005)


# 9. The "fixed" candidate was neither Cho's nor cuDNN's, and before the fix there was no reset.


def _pixel_gru(candidate: str) -> ConvGRU:
    torch.manual_seed(1)
    return ConvGRU(3, 4, candidate=candidate, norm="none", h0="zero")


def _centre(weight: torch.Tensor) -> torch.Tensor:
    return weight[:, :, 1, 1]


def test_the_cudnn_candidate_is_torchs_gru():
    gru, cell = _pixel_gru("cudnn"), nn.GRUCell(3, 4)
    with torch.no_grad():
        z, r, n = _centre(gru.from_input.weight).chunk(3)
        cell.weight_ih.copy_(torch.cat([r, -z, n]))  # torch's z keeps, ours lets in
        bz, br, bn = gru.from_input.bias.chunk(3)
        cell.bias_ih.copy_(torch.cat([br, -bz, bn]))
        hz, hr = _centre(gru.to_gates.weight).chunk(2)
        cell.weight_hh.copy_(torch.cat([hr, -hz, _centre(gru.to_candidate.weight)]))
        cell.bias_hh.zero_()
    x = torch.randn(2, 5, 3, 1, 1)
    ours, h = gru(x), torch.zeros(2, 4)
    for t in range(5):
        h = cell(x[:, t, :, 0, 0], h)
        assert_close(ours[:, t, :, 0, 0], h)


def test_the_candidates_are_four_different_cells():
    x = torch.randn(2, 5, 3, 2, 2)
    outputs = [_pixel_gru(candidate)(x) for candidate in ("cho", "cudnn", "seed")]
    for i, first in enumerate(outputs):
        for second in outputs[i + 1 :]:
            assert not torch.allclose(first[:, 2:], second[:, 2:])


def test_without_a_reset_gate_there_are_no_reset_weights():
    assert _pixel_gru("unused").from_input.out_channels == 8
    assert _pixel_gru("seed").from_input.out_channels == 12


# 10. The adapter's blur passed through .item() and had no gradient.


def test_the_blur_is_learned_and_keeps_brightness():
    adapter = Adapter(surround=False)
    assert_close(adapter(torch.ones(1, 1, 24, 24)), torch.ones(1, 1, 24, 24))
    adapter(torch.randn(1, 2, 24, 24)).square().sum().backward()
    assert adapter.log_centre.grad.abs() > 0


def test_a_surround_takes_slow_changes_and_leaves_fine_ones():
    adapter = Adapter(surround=True)
    x = torch.arange(24.0)
    contrast = []
    for cycles_px in (0.02, 0.17):
        grating = torch.cos(2 * np.pi * cycles_px * x).expand(1, 1, 24, 24)
        contrast.append((adapter(grating).std() / grating.std()).item())
    assert contrast[1] > 4 * contrast[0]


# 11. Warm-up started from exactly 0, and 12. constants had no bounds.


def test_the_first_step_learns_and_the_rate_peaks_after_warm_up():
    from homeostat.workloads.visioncore.training import FLOOR, warmup_cosine

    rates = [warmup_cosine(step, 10, 100) for step in range(101)]
    assert rates[0] > 0
    assert np.argmax(rates) == 10
    assert rates[10] == 1.0
    assert np.all(np.diff(rates[:11]) > 0)
    assert np.all(np.diff(rates[10:]) < 0)
    assert rates[100] == pytest.approx(FLOOR)


def test_time_constants_cannot_leave_their_range():
    model = PolarV1(PolarSettings(), NEURONS, 24)
    for value in (-20.0, 20.0):
        with torch.no_grad():
            for parameter in model.temporal_parameters():
                parameter.fill_(value)
        constants = model.temporal_constants()
        assert constants["lambda_fix"] > 0
        assert constants["lambda_sac"] > 0
        assert 0 < constants["alpha_fast"] <= 1


def test_time_constants_are_shown_in_milliseconds_exactly_and_as_the_guide_reads_them():
    settings = PolarSettings(alpha_fast=0.80, alpha_slow=0.95)
    shown = PolarV1(settings, NEURONS, 24).temporal_constants()
    assert shown["tau_fast_ms"].item() == pytest.approx(37.3, abs=0.1)
    assert shown["tau_slow_ms"].item() == pytest.approx(162.5, abs=0.1)
    assert shown["guide_tau_fast_ms"].item() == pytest.approx(41.7, abs=0.1)
    assert shown["guide_tau_slow_ms"].item() == pytest.approx(166.7, abs=0.1)


# What the design leans on elsewhere.


def test_the_gate_feature_is_the_simulators():
    position = simulated.simulate_gaze(
        simulated.GazeSettings(), 480, 10.0, np.random.default_rng(0)
    ).position_T2
    features = GazeFeatures()(torch.from_numpy(position)[None].float())
    expected = simulated.saccade_gate(simulated.speed_T(position))
    assert_allclose(features[0, :, SACCADE_GATE].detach().numpy(), expected, atol=1e-3)


def test_summing_pixels_first_gives_the_same_as_summing_them_last():
    settings = PolarSettings(levels=1, pairs=2)
    dynamics, summary = Dynamics(settings), Summary(settings)
    maps, mask = torch.rand(2, 48, 2, 9), torch.softmax(torch.randn(5, 9), dim=1)
    decay = dynamics.decay_BT(torch.rand(2, 48))
    first = summary(dynamics(maps @ mask.T, 0, decay))
    last = summary(dynamics(maps, 0, decay)) @ mask.T
    assert_close(first, last, rtol=1e-5, atol=1e-6)
