use proptest::prelude::*;
use serde_json::Value;

use super::physics::Fit;
use super::*;
use crate::carbon::{Centers, Site};
use crate::decimal;
use crate::usage::{Class, Parts};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../tests/energy_golden.json")).unwrap()
}

fn close(case: &str, name: &str, ours: f64, theirs: &Value) {
    let theirs = theirs.as_f64().unwrap_or_else(|| panic!("{case}: {name}"));
    assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-300), "{case}: {name} {ours} is not {theirs}");
}

/// Use and embodied impacts of a request, as EcoLogits adds them up: GWP, ADPe, PE, water.
fn check_totals(case: &str, inputs: &Value, outputs: &Value, impacts: &Impacts, end: &str) {
    let mix = |name: &str| inputs["mix"][name].as_f64().unwrap();
    let factors = [mix("gwp_kgco2eq_per_kwh"), mix("adpe_kgsbeq_per_kwh"), mix("pe_mj_per_kwh")];
    close(case, "energy", impacts.kwh, &outputs["energy_kwh"][end]);
    for (index, name) in ["gwp_kgco2eq", "adpe_kgsbeq", "pe_mj"].into_iter().enumerate() {
        let used = impacts.kwh * factors[index];
        close(case, name, used, &outputs["usage"][name][end]);
        close(case, name, impacts.embodied[index], &outputs["embodied"][name][end]);
        close(case, name, used + impacts.embodied[index], &outputs[name][end]);
    }
    let (pue, wue) = (inputs["pue"][end].as_f64().unwrap(), inputs["wue_l_per_kwh"][end].as_f64().unwrap());
    let water = impacts.machine_kwh * (wue + pue * mix("wue_l_per_kwh"));
    close(case, "water", water, &outputs["wcf_l"][end]);
}

fn check_intermediates(case: &str, inputs: &Value, outputs: &Value, impacts: &Impacts) {
    let mix = |name: &str| inputs["mix"][name].as_f64().unwrap();
    let number = |name: &str| inputs[name].as_f64().unwrap();
    let ours = [
        ("gpu_energy", impacts.accelerator_kwh),
        ("generation_latency", impacts.seconds),
        ("model_required_memory", impacts.memory_gb),
        ("gpu_required_count", impacts.accelerators),
        ("server_energy", impacts.server_kwh),
        ("request_it_energy", impacts.machine_kwh),
        ("request_energy", impacts.kwh),
        ("request_usage_gwp", impacts.kwh * mix("gwp_kgco2eq_per_kwh")),
        ("request_usage_adpe", impacts.kwh * mix("adpe_kgsbeq_per_kwh")),
        ("request_usage_pe", impacts.kwh * mix("pe_mj_per_kwh")),
        ("request_usage_wcf", impacts.machine_kwh * (number("wue_l_per_kwh") + number("pue") * mix("wue_l_per_kwh"))),
        ("server_gpu_embodied_gwp", impacts.made[0]),
        ("server_gpu_embodied_adpe", impacts.made[1]),
        ("server_gpu_embodied_pe", impacts.made[2]),
        ("request_embodied_gwp", impacts.embodied[0]),
        ("request_embodied_adpe", impacts.embodied[1]),
        ("request_embodied_pe", impacts.embodied[2]),
    ];
    for (name, value) in ours {
        close(case, name, value, &outputs[name]);
    }
}

#[test]
fn ecologits_says_the_same_in_24_of_24_runs() {
    let golden = golden();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 24);
    for (number, case) in cases.iter().enumerate() {
        let (inputs, outputs, name) = (&case["inputs"], &case["outputs"], format!("case {number} {}", case["model"]));
        let number = |name: &str| inputs[name].as_f64();
        let deployment = |active: &Value, total: &Value| Deployment {
            active: active.as_f64().unwrap(),
            total: total.as_f64().unwrap(),
            tokens_per_second: number("tps"),
            first_token_seconds: number("ttft_s").or(number("ttft")),
            batch: number("batch_size").unwrap(),
            bits: number("quantization_bits").unwrap(),
        };
        let (tokens, latency) = (number("output_tokens").unwrap(), number("request_latency_s"));
        if case["kind"] == "intermediates" {
            let machine = deployment(&inputs["active_params_b"], &inputs["total_params_b"]);
            let impacts = machine.impacts(tokens, latency, number("pue").unwrap());
            check_intermediates(&name, inputs, outputs, &impacts);
            continue;
        }
        for end in ["min", "max"] {
            let machine = deployment(&inputs["active_params_b"][end], &inputs["total_params_b"][end]);
            let impacts = machine.impacts(tokens, latency, inputs["pue"][end].as_f64().unwrap());
            check_totals(&name, inputs, outputs, &impacts, end);
        }
    }
}

#[test]
fn the_missions_worked_example() {
    let mut rates = Rates::default();
    rates.insert("gpt-4".to_owned(), 0.005).unwrap();
    let estimator = Estimator::from(Book { rates, choice: Choice::Rates, ..Book::default() });
    let usage = Usage::from_inclusive(25, 150, Parts::default());
    let ask = |model| Ask { provider: "p", models: [None, Some(model), None], usage: &usage, at: 0, seconds: None };
    let (energy, carbon) = estimator.estimate(&ask("gpt-4")).unwrap();
    assert_eq!(decimal::to_string(energy.mid, PICO), "0.000875");
    assert_eq!((energy.low, energy.high, energy.method), (energy.mid, energy.mid, "rates/1"));
    assert_eq!(carbon, None, "nobody said where it stands");
    assert_eq!(estimator.estimate(&ask("gpt-5")), None);
}

#[test]
fn the_fit_that_is_built_in_reads() {
    let fit = Fit::embedded();
    assert!(fit.shared.0 > 0.0 && fit.own_small.1 > 0.0 && fit.own_large.1 > 0.0);
    let again = Fit::parse(&fit.to_text("x")).unwrap();
    assert_eq!(again.coefficients, fit.coefficients);
    assert_eq!(Fit::parse("ln_step\t1\n"), None);
}

fn site(provider: &str) -> Site {
    let center = Centers::embedded().of(provider).unwrap();
    Site::of(center, None)
}

/// All methods and no rates, at a provider of the table.
fn estimator(provider: &str, choice: Choice) -> Estimator {
    let sites = [(provider.to_owned(), (site(provider), Serving::Shared))].into();
    Estimator::from(Book { models: Models::embedded(), choice, sites, ..Book::default() })
}

fn energy_of(provider: &str, model: &str, usage: &Usage, choice: Choice) -> Option<Energy> {
    let ask = Ask { provider, models: [None, Some(model), None], usage, at: 0, seconds: None };
    estimator(provider, choice).estimate(&ask).map(|(energy, _)| energy)
}

fn watt_hours(pico_kwh: u64) -> f64 {
    pico_kwh as f64 / 1e9
}

#[test]
fn at_least_8_of_11_reference_points_lie_in_narrow_bands() {
    let mut inside = 0;
    let points = points();
    assert_eq!(points.len(), 11);
    for point in &points {
        let usage = Usage::from_inclusive(point.input_tokens, point.output_tokens, Parts::default());
        let energy = energy_of(&point.provider, &point.model, &usage, Choice::Weir).unwrap();
        let (low, high) = (watt_hours(energy.low), watt_hours(energy.high));
        let most = if energy.basis == Basis::Guessed { 10.0 } else { 6.0 };
        assert!(high / low <= most, "{}: ×{}", point.name, high / low);
        inside += u32::from((low..=high).contains(&point.middle()));
    }
    assert!(inside >= 8, "{inside} of 11");
}

/// Of gpt-4o at OpenAI.
fn of(usage: Usage) -> Energy {
    energy_of("openai", "gpt-4o", &usage, Choice::Weir).unwrap()
}

#[test]
fn no_tokens_are_a_true_zero() {
    let none = of(Usage::default());
    assert_eq!((none.low, none.mid, none.high), (0, 0, 0));
    let own = Weir::new(&eight_billion(), Serving::Own, Fit::embedded());
    assert_eq!(own.machine_joules(&Usage::default()), Band::default());
}

#[test]
fn a_cached_prompt_draws_less_and_not_nothing() {
    let fresh = of(Usage::from_inclusive(10_000, 100, Parts::default()));
    let cached = of(Usage::from_inclusive(10_000, 100, Parts { cached_input: 9_500, ..Parts::default() }));
    assert!(cached.mid < fresh.mid && cached.low < fresh.low && cached.high < fresh.high);
    let without = of(Usage::from_inclusive(500, 100, Parts::default()));
    assert!(cached.mid > without.mid, "what is cached is still read and looked back at");
}

#[test]
fn a_million_tokens_of_input_are_dearer_each() {
    let million = of(Usage::from_inclusive(1_000_000, 1, Parts::default()));
    let thousand = of(Usage::from_inclusive(1_000, 1, Parts::default()));
    assert!(million.mid > 1000 * thousand.mid, "attention makes long input dearer");
    assert!(watt_hours(million.mid) < 5000.0, "{}", watt_hours(million.mid));
}

#[test]
fn an_embedding_has_input_alone() {
    let usage = Usage::from_inclusive(1000, 0, Parts::default());
    let embedding = energy_of("openai", "Qwen3-Embedding-8B", &usage, Choice::Weir).unwrap();
    assert!(embedding.mid > 0 && watt_hours(embedding.high) < 0.1, "{embedding:?}");
}

#[test]
fn an_image_and_audio_are_their_tokens() {
    let text = of(Usage::from_inclusive(1000, 200, Parts::default()));
    assert_eq!(of(Usage::from_inclusive(1000, 200, Parts { image_input: 700, ..Parts::default() })), text);
    let audio = Parts { audio_input: 700, audio_output: 200, ..Parts::default() };
    assert_eq!(of(Usage::from_inclusive(1000, 200, audio)), text);
}

#[test]
fn reasoning_is_output() {
    let text = of(Usage::from_inclusive(1000, 200, Parts::default()));
    assert_eq!(of(Usage::from_inclusive(1000, 200, Parts { reasoning: 150, ..Parts::default() })), text);
}

fn eight_billion() -> Profile {
    Profile { active: (8.0, 8.0), total: (8.0, 8.0), ..Profile::default() }
}

/// On one's own machine a token of a long answer draws more, as far as answers were measured; at a provider that serves many it
/// does not.
#[test]
fn long_answers_leave_room_for_fewer() {
    let fit = Fit::embedded();
    assert!(fit.own_batch(400.0) > fit.own_batch(8000.0));
    let each = |serving, tokens: u64| {
        let usage = Usage::default().with(Class::Output, tokens);
        let weir = Weir { context: Band::default(), ..Weir::new(&eight_billion(), serving, fit) };
        weir.machine_joules(&usage).mid / tokens as f64
    };
    let own = [1, 350, 1000, 12_000, 100_000].map(|tokens| each(Serving::Own, tokens));
    assert!(own.windows(2).all(|pair| pair[0] <= pair[1] * (1.0 + 1e-12)), "{own:?}");
    assert!((own[0] / own[1] - 1.0).abs() < 1e-12 && (own[3] / own[4] - 1.0).abs() < 1e-12, "{own:?}");
    assert!((1.1..3.0).contains(&(own[3] / own[1])), "{own:?}");
    assert!((each(Serving::Shared, 350) / each(Serving::Shared, 12_000) - 1.0).abs() < 1e-12);
}

#[test]
fn a_band_goes_over_from_small_models_to_large_ones() {
    let fit = Fit::embedded();
    assert_eq!((fit.own(8.0), fit.own(32.0)), (fit.own_small, fit.own_small));
    assert_eq!((fit.own(70.0), fit.own(671.0)), (fit.own_large, fit.own_large));
    let width = |total| fit.own(total).0 + fit.own(total).1;
    assert!(width(32.0) < width(47.0) && width(47.0) < width(70.0));
}

#[test]
fn ecologits_knows_no_input() {
    let of =
        |input| energy_of("openai", "gpt-4o", &Usage::from_inclusive(input, 300, Parts::default()), Choice::Ecologits);
    let energy = of(1).unwrap();
    assert_eq!((Some(energy), energy.method), (of(100_000), "ecologits/0.11.3"));
    assert!((0.44e9..0.74e9).contains(&(energy.mid as f64)), "{energy:?}");
}

#[test]
fn unknown_sizes_widen_the_band() {
    let fit = Fit::embedded();
    let size = Profile { active: (44.0, 44.0), total: (440.0, 440.0), ..Profile::default() };
    let width = |profile: &Profile, serving| Weir::new(profile, serving, fit).output.width();
    let known = width(&Profile { bits: Some(8), ..size }, Serving::Shared);
    let unpublished = width(&size, Serving::Shared);
    let guessed = width(&Profile { basis: Basis::Guessed, active: (20.0, 88.0), ..size }, Serving::Shared);
    assert!(known < unpublished && unpublished < guessed, "{known} {unpublished} {guessed}");
    assert!(unpublished < width(&size, Serving::Own), "nobody knows the batch of one's own machine");
    let beyond = Profile { active: (44.0, 44.0), total: (4400.0, 4400.0), ..Profile::default() };
    assert!(width(&beyond, Serving::Shared) > unpublished, "beyond what was measured");
}

#[test]
fn what_was_found_is_that_of_the_names() {
    let sites =
        [("a".to_owned(), (site("openai"), Serving::Shared)), ("b".to_owned(), (site("mistral"), Serving::Own))];
    let own = [("mine".to_owned(), Profile { active: (8.0, 8.0), total: (8.0, 8.0), ..Profile::default() })].into();
    let book = Book { models: Models::embedded(), sites: sites.into(), own, ..Book::default() };
    let (estimator, usage) = (Estimator::from(book), Usage::default().with(Class::Output, 100));
    for _ in 0..2 {
        for (provider, model, zone) in [("a", "gpt-4o", "USA"), ("b", "gpt-4o", "SWE"), ("b", "mine", "SWE")] {
            let ask = Ask { provider, models: [None, Some(model), None], usage: &usage, at: 0, seconds: None };
            let (_, carbon) = estimator.estimate(&ask).unwrap();
            assert_eq!(carbon.map(|carbon| carbon.zone.to_string()).as_deref(), Some(zone));
        }
    }
    let ask = Ask { provider: "a", models: [None, Some("nobody-knows"), None], usage: &usage, at: 0, seconds: None };
    assert_eq!(estimator.estimate(&ask), None);
    let long = "x".repeat(300);
    let _ = estimator.estimate(&Ask { models: [None, Some(&long), None], ..ask });
    assert_eq!(estimator.find(&ask).profile, None);
}

proptest! {
    /// The three are in order, whatever the tokens; more tokens never draw less; and what stands on the line are the joules, to
    /// half a pico-kilowatt-hour.
    #[test]
    fn bands_are_in_order_and_grow(
        input in 0u64..2_000_000, output in 0u64..200_000, cached in 0u64..2_000_000,
        active in 0.1f64..500.0, sparsity in 1.0f64..30.0, own in any::<bool>(), pue in 1.0f64..2.0,
    ) {
        let total = active * sparsity;
        let profile = Profile { active: (active, active), total: (total, total), ..Profile::default() };
        let serving = if own { Serving::Own } else { Serving::Shared };
        let weir = Weir::new(&profile, serving, Fit::embedded());
        let building = Building::between(pue, pue);
        let usage = Usage::from_inclusive(input, output, Parts { cached_input: cached, ..Parts::default() });
        let joules = weir.joules(&usage, &building, None).unwrap();
        prop_assert!(joules.low <= joules.mid && joules.mid <= joules.high);
        let more = Usage::from_inclusive(input + 10, output + 1, Parts { cached_input: cached.min(input), ..Parts::default() });
        let more = weir.joules(&more, &building, None).unwrap();
        prop_assert!(more.low >= joules.low && more.mid >= joules.mid && more.high >= joules.high);
        let pico = pico_kwh(joules.mid);
        prop_assert!((pico as f64 * 3.6e-6 - joules.mid).abs() <= 1.8e-6 + joules.mid * 1e-12);
    }

    /// A band of a sum is the sum of the bands: what is wrong with one request is wrong with the next.
    #[test]
    fn bands_add_up(tokens in proptest::collection::vec(0u64..100_000, 1..20)) {
        let fit = Fit::embedded();
        let profile = eight_billion();
        let (weir, building) = (Weir::new(&profile, Serving::Shared, fit), Building::between(1.0, 1.0));
        let of = |tokens: u64| weir.joules(&Usage::default().with(Class::Input, tokens), &building, None).unwrap();
        let sum = tokens.iter().fold(Band::default(), |sum, tokens| sum.plus(of(*tokens)));
        let one = of(tokens[0]);
        if one.low > 0.0 {
            prop_assert!((sum.width() / one.width() - 1.0).abs() < 1e-9, "many requests are no surer than one");
        }
    }
}
