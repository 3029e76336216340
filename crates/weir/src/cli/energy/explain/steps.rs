//! The steps of an estimate, so that a reader can compute it, each with its source.

use std::fmt::Write as _;

use meter::carbon::{Carbon, MADE_GRAMS_PER_KWH, Mixes, Site};
use meter::energy::physics::{CACHED_SHARE, Fit, INPUT_JOULES, Machine, Parts, accelerators, crowded};
use meter::energy::{Band, Basis, Deployment, Estimator, Found, HOST, Origin, Profile, Serving, Share, Weir};
use meter::usage::Usage;

/// Where the size comes from.
pub(super) fn size(out: &mut String, estimator: &Estimator, found: &Found) {
    let Some((name, profile)) = &found.profile else { return };
    let between =
        |(small, large): (f64, f64)| if small < large { format!("{small} to {large}") } else { small.to_string() };
    let _ = writeln!(
        out,
        "size       {} billion parameters, of which a token meets {}: {}",
        between(profile.total),
        between(profile.active),
        match profile.basis {
            Basis::Guessed => "a guess, from price, speed and leaks",
            Basis::Likened => "likened, since nobody says and nobody guesses",
            Basis::Named => "the name says it",
            Basis::Rate | Basis::Disclosed => "disclosed",
        }
    );
    let models = &estimator.book().models;
    // A size of the operator's own is in neither table.
    let (row, family) = match models.known(name).filter(|(known, _)| known == profile) {
        Some((_, Origin::Row(row))) => (Some(row), None),
        Some((_, Origin::Family(family))) => (None, Some(family)),
        Some((_, Origin::Name)) | None => (None, None),
    };
    if let Some(row) = row
        && let Some((_, date, source)) = models.sources().iter().find(|(letter, _, _)| *letter == row.source)
    {
        let _ = writeln!(out, "           {}/{}, {source}, {date}", row.provider, row.model);
    }
    if let Some(family) = family {
        let _ = writeln!(out, "           {}: {}, {}", family.pattern, family.source, family.day);
    }
}

fn joules(band: Band) -> String {
    format!("{:.6} J ({:.6} to {:.6})", band.mid, band.low, band.high)
}

/// Each step of Weir's method.
pub(super) fn weirs(out: &mut String, weir: &Weir, profile: Option<&Profile>, serving: Serving, usage: &Usage) {
    let machine = &weir.machine;
    let bits = profile.and_then(|profile| profile.bits);
    let precision = match (bits, serving) {
        (Some(bits), _) => format!("{bits} bits"),
        (None, Serving::Shared) => format!("8 or 16 bits, {:.3} bytes in the middle,", machine.bytes),
        (None, Serving::Own) => "16 bits".to_owned(),
    };
    let _ = writeln!(
        out,
        "machine    {}, {:.1} in the middle; {precision} a parameter",
        match serving {
            Serving::Shared => "shared: 32 to 512 requests at a time",
            Serving::Own => "one's own: nobody knows how many requests at a time",
        },
        machine.batch
    );
    let (most, least) = accelerators(machine.total, machine.bytes);
    let _ = writeln!(
        out,
        "           {most} accelerators of 80 GB hold it with a fifth to spare, or {least} of 180 GB: {:.3} in the middle",
        machine.accelerators
    );
    output_token(out, machine, Fit::embedded());
    let _ = writeln!(out, "\neach token draws, with the host:");
    let _ = writeln!(
        out,
        "  host     × {} ({} to {}): processors, memory, network and fans beside the accelerators; up to what Google states of\n           \
         production, 25 parts of host beside 58 of accelerators, August 2025",
        HOST.mid, HOST.low, HOST.high
    );
    let _ = writeln!(out, "  output   {}", joules(weir.output));
    let _ = writeln!(out, "           and {} for each 1,000 tokens before it", joules(weir.context.times(1000.0)));
    if weir.crowding > 0.0 {
        let factor = crowded(weir.crowding, usage.output() as f64);
        let _ = writeln!(
            out,
            "           × {factor:.2} for {} tokens: where answers are longer than 1,000 tokens a machine has room for fewer",
            usage.output()
        );
    }
    input_token(out, weir);
    band(out, weir);
    let whole = weir.machine_joules(usage);
    let _ = writeln!(out, "\nmachine    {:.3} J, {:.3} to {:.3}", whole.mid, whole.low, whole.high);
}

/// An output token of the model in the middle of its band, so that a reader can compute it.
fn output_token(out: &mut String, machine: &Machine, fit: &Fit) {
    let [step, weights, compute, context, step_active, batch, context_active] = fit.coefficients;
    let Parts { step: stepped, weights: read, shared, compute: computed, context: each } = fit.parts(machine);
    let Machine { active, accelerators, batch: requests, .. } = *machine;
    let _ = writeln!(
        out,
        "\nan output token draws of the accelerators, in joules, fitted to ML.ENERGY's measurements (docs/energy.md):\n  \
         a step   {:.6} × {accelerators:.3} accelerators × {active:.3}^{step_active:.6} = {stepped:.6}\n  \
         weights  {:.6} × {:.3} GB that a step reads = {read:.6}\n  \
         shared   ({stepped:.6} + {read:.6}) / {requests:.1}^{batch:.6} = {shared:.6}\n  \
         compute  {:.6} × {active:.3} = {computed:.6}\n  \
         together {shared:.6} + {computed:.6} = {:.6}\n  \
         context  {:.6} × {active:.3}^{context_active:.6} = {:.6} for each 1,000 tokens before it",
        step.exp(),
        weights.exp(),
        machine.read_gigabytes(),
        compute.exp(),
        shared + computed,
        context.exp(),
        each * 1000.0,
    );
}

fn input_token(out: &mut String, weir: &Weir) {
    let _ = writeln!(out, "  input    {}", joules(weir.input));
    let _ = writeln!(
        out,
        "           {} J of the accelerators for a billion active parameters ({} to {}): a GPU of 700 W and 989 TFLOPS at 40 %\n           \
         (80 % to 18 %); DeepSeek's own figures of March 2025 come to 0.0039",
        INPUT_JOULES.mid, INPUT_JOULES.low, INPUT_JOULES.high
    );
    let _ = writeln!(
        out,
        "           and {} for each 1,000 input tokens, for attention",
        joules(weir.attention.times(1000.0))
    );
    let _ = writeln!(out, "  cached   {}, {} of an input token's", joules(weir.cached), CACHED_SHARE.mid);
}

fn band(out: &mut String, weir: &Weir) {
    let _ = writeln!(out, "\nthe band of an output token, as factors below and above:");
    let shares = &weir.shares;
    let all = shares.together(shares.serving);
    for (name, share) in [
        ("batch, accelerators, fit", shares.serving),
        ("bits of a parameter", shares.precision),
        ("guess at the size", shares.size),
        ("host", shares.host),
        ("beyond what was measured", shares.beyond),
        ("together", all),
    ] {
        let Share { below, above } = share;
        let _ = writeln!(out, "  {name:<26} ÷{:.2}  ×{:.2}", below.exp(), above.exp());
    }
}

/// Each step of EcoLogits' method, for the smaller and the larger size.
pub(super) fn ecologits(out: &mut String, profile: &Profile, usage: &Usage, seconds: Option<f64>) {
    let _ =
        writeln!(out, "method     EcoLogits 0.11.3: output tokens only, batches of 64, 16 bits, 80 GB an accelerator");
    for (name, larger) in [("smaller", false), ("larger", true)] {
        let steps = Deployment::of(profile, larger).impacts(usage.output() as f64, seconds, 1.0);
        let _ = writeln!(
            out,
            "  {name:<8} {} accelerators × {:.3e} kWh + server {:.3e} kWh over {:.1} s = {:.3e} kWh",
            steps.accelerators, steps.accelerator_kwh, steps.server_kwh, steps.seconds, steps.machine_kwh
        );
    }
}

pub(super) fn carbon(out: &mut String, site: &Site, carbon: &Carbon, at: u64) {
    let grams = |nano: u64| format!("{:.5} g CO2e", nano as f64 / 1e9);
    let _ = match (&site.mix, carbon.location) {
        (_, Some(nano)) => {
            let name = site.mix.as_ref().map_or("", |mix| &mix.name);
            let factor = site.grams_per_kwh(at).unwrap_or_default();
            let hourly = site.hourly.as_ref().map(|hourly| hourly.at(at).is_some());
            let hour = match hourly {
                Some(true) => "of the hour",
                Some(false) => "of the year (Records take the hour's where [carbon] has it)",
                None => "of the year",
            };
            writeln!(out, "carbon     {} at {factor} g/kWh {hour} in {} {name}", grams(nano), site.zone)
        }
        (_, None) if site.hourly.is_some() => writeln!(
            out,
            "carbon     not known now in {}, a zone of one's own: Records take the hour's where [carbon] has it",
            site.zone
        ),
        (_, None) => writeln!(out, "carbon     not known in {}", site.zone),
    };
    if let (Some(nano), Some(factor)) = (carbon.market, site.market_g_per_kwh) {
        let _ = writeln!(out, "           {} by contract, at {factor} g/kWh", grams(nano));
    }
    let _ = writeln!(
        out,
        "           {} more for making the machines: {MADE_GRAMS_PER_KWH:.1} g for a kWh of the machine; a server's 5,700 kg and 273 kg\n           \
         an accelerator (EcoLogits 0.11.3) over three years at 0.6 kW an accelerator (ML.ENERGY)",
        grams(carbon.embodied)
    );
    if let (Some(units), Some(on_site)) = (carbon.water, site.water_l_per_kwh) {
        let grid = site.mix.as_ref().and_then(|mix| mix.water_l_per_kwh).unwrap_or_default();
        let _ = writeln!(
            out,
            "water      {:.3} mL: {on_site} L/kWh on site, {grid} L/kWh where the electricity is made",
            units as f64 / 1e6
        );
    }
    let mixes = Mixes::embedded();
    if let (Some(mix), Some((_, date, source))) = (&site.mix, mixes.sources().first()) {
        let year = mix.year.map(|year| format!(" of {year}")).unwrap_or_default();
        let _ = writeln!(out, "           {}{year}; {source}, {date}", mix.source);
    }
}
