//! Call: one request that was never made, the answer it never got, and the Record of both.

use fastrand::Rng;
use meter::dialect::Api;
use meter::meter::Format;
use meter::record::{Outcome, Record, Times, What, Who, id_v7};

use super::answer::{Answer, Sent};
use super::calendar::Calendar;
use super::story::Plan;
use super::town::{Person, Town};
use crate::config::Config;
use crate::proxy::past::Past;
use crate::simulate::chance::{happens, hex, log_normal};

/// See the module. Times are in nanoseconds.
pub(super) struct Call<'a> {
    person: &'a Person,
    plan: Plan,
    /// Since 1970.
    started_at: u64,
    /// Until the request left for the provider, and how much of that connecting took.
    departed: u64,
    connect: u64,
    /// From the first byte in to the last byte out.
    took: u64,
    sent: Sent,
}

impl Call<'_> {
    /// Whatever it is that ended at `ended_at`, in nanoseconds since 1970.
    pub(super) fn new<'a>(rng: &mut Rng, town: &'a mut Town, calendar: &Calendar, ended_at: u64) -> Call<'a> {
        let rush = happens(rng, calendar.share_of_rush(ended_at));
        let person = if rush { town.newcomer(rng) } else { town.anyone(rng) };
        let plan = Plan::of(rng, person, calendar, ended_at);
        let connect = if happens(rng, 0.03) { log_normal(rng, 0.018, 0.4) } else { 0.0 };
        let departed = connect + log_normal(rng, 0.000_35, 0.4);
        let sent = Answer::to(rng, &plan).sent(rng, &plan, ended_at, departed);
        let took = nanos(sent.over + log_normal(rng, 0.000_06, 0.5));
        let started_at = ended_at.saturating_sub(took);
        Call { person, plan, started_at, departed: nanos(departed), connect: nanos(connect), took, sent }
    }

    /// Its Record, as a proxy would have left it.
    pub(super) fn record(self, config: &Config, rng: &mut Rng) -> Record {
        let record = Record {
            request_id: id_v7(self.started_at / 1_000_000, rng.u128(..)),
            who: self.who(config, rng),
            what: self.what(),
            times: Times { started_at: self.started_at, ..Times::default() },
            outcome: Outcome { status_code: Some(self.plan.status), ..Outcome::default() },
            // About what English takes, and the JSON around it.
            request_bytes: Some(self.plan.input * 9 / 2 + 220),
            ..Record::default()
        };
        let streamed = self.plan.stream && self.plan.status == 200;
        let past = Past {
            record,
            format: if streamed { Format::Events } else { Format::Json },
            pieces: &self.sent.pieces,
            departed: self.departed,
            connect: self.connect,
            took: self.took,
            ended: self.sent.ended,
        };
        past.measure(config)
    }

    fn who(&self, config: &Config, rng: &mut Rng) -> Who {
        Who {
            user_id: Some(self.person.user.clone()),
            organization: Some(self.person.organization.to_owned()),
            session_id: Some(self.person.session.clone()),
            prompt_category: Some(self.plan.category.to_owned()),
            trace_id: Some(hex(rng, 32)),
            span_id: Some(hex(rng, 16)),
            client: Some(self.plan.client.to_owned()),
            instance: config.instance.clone(),
            ..Who::default()
        }
    }

    fn what(&self) -> What {
        let plan = &self.plan;
        What {
            model: Some(plan.model.name.to_owned()),
            provider: Some(plan.model.provider.to_owned()),
            api: if plan.model.embeds { Api::Embeddings } else { Api::Chat },
            stream: Some(plan.stream),
            temperature: plan.temperature,
            max_tokens: plan.max_tokens,
            simulated: true,
            ..What::default()
        }
    }
}

/// Seconds as nanoseconds.
pub(super) fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
