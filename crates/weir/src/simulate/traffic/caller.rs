//! Caller: a small town of people, what they ask and how their programs put it.

use bytes::Bytes;
use fastrand::Rng;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::TrafficOptions;
use super::mix::BaseUrl;
use crate::simulate::chance::{exponential, happens, hex, pick};
use crate::simulate::text::{self, Topic, any_topic};

/// The people and where they work. The first ones ask most.
const PEOPLE: usize = 40;
pub(in crate::simulate) const ORGANIZATIONS: [&str; 5] =
    ["acme", "northwind", "contoso", "umbrella-research", "blue-harbour"];
/// The tokens of the instructions each organization sends along; the longest are long enough to be cached.
const INSTRUCTION_TOKENS: [u64; 5] = [40, 120, 1400, 300, 2200];
/// The most earlier turns of a conversation that are sent again.
const MOST_TURNS: u64 = 5;
/// The share of requests after which a person begins a new conversation.
const NEW_SESSION: f64 = 0.25;
/// Who asks, as servers see it.
const USER_AGENT: &str = concat!("weir-simulate/", env!("CARGO_PKG_VERSION"));

/// Someone who asks.
#[derive(Debug)]
struct Person {
    user: String,
    organization: usize,
    session: String,
    turns: u64,
}

/// All who ask.
#[derive(Debug)]
pub(super) struct Callers {
    people: Vec<Person>,
    instructions: Vec<String>,
}

/// A request to be sent.
#[derive(Debug)]
pub(super) struct Ask {
    endpoint: &'static str,
    headers: HeaderMap,
    body: Vec<u8>,
    pub(super) stream: bool,
    /// The caller hangs up after so many events of the stream.
    pub(super) hang_up_after: Option<u64>,
}

impl Ask {
    /// The request as it goes to `url`.
    ///
    /// # Errors
    /// Where the URL makes no valid request.
    pub(super) fn request(self, url: &BaseUrl) -> http::Result<Request<Full<Bytes>>> {
        let builder = Request::builder().method(Method::POST).uri(url.path(self.endpoint));
        let mut request = builder.header(header::HOST, url.authority()).body(Full::new(Bytes::from(self.body)))?;
        request.headers_mut().extend(self.headers);
        Ok(request)
    }
}

impl Callers {
    pub(super) fn new(rng: &mut Rng) -> Callers {
        let people = (0..PEOPLE).map(|number| Person {
            user: format!("user-{:02}", number + 1),
            organization: number % ORGANIZATIONS.len(),
            session: session(rng),
            turns: 0,
        });
        let people = people.collect();
        Callers { people, instructions: INSTRUCTION_TOKENS.iter().map(|tokens| text::instructions(*tokens)).collect() }
    }

    /// What someone asks next.
    pub(super) fn ask(&mut self, rng: &mut Rng, options: &TrafficOptions) -> Ask {
        let model = weighted(rng, options);
        let topic = any_topic(rng);
        // Few people ask much and many ask little.
        let number = (exponential(rng, 0.12) as usize).min(PEOPLE - 1);
        let Callers { people, instructions } = self;
        let person = &mut people[number];
        if happens(rng, NEW_SESSION) {
            person.session = session(rng);
            person.turns = 0;
        }
        let (endpoint, mut body) = match &model {
            model if model.contains("embedding") => ("/embeddings", embedding(rng, topic)),
            model if model.contains("instruct") => ("/completions", completion(rng, topic)),
            model => ("/chat/completions", chat(rng, topic, person, &instructions[person.organization], model)),
        };
        person.turns = (person.turns + 1).min(MOST_TURNS);
        body["user"] = json!(person.user);
        let stream = endpoint != "/embeddings" && happens(rng, options.stream_share);
        if stream {
            body["stream"] = json!(true);
            if happens(rng, 0.4) {
                body["stream_options"] = json!({ "include_usage": true });
            }
        }
        let hang_up = stream && happens(rng, options.cancel_share);
        body["model"] = json!(model);
        Ask {
            endpoint,
            headers: headers(rng, person, topic, options),
            body: body.to_string().into_bytes(),
            stream,
            hang_up_after: hang_up.then(|| rng.u64(2..=12)),
        }
    }
}

fn session(rng: &mut Rng) -> String {
    format!("session-{}", hex(rng, 12))
}

/// A model, by the weights of the mix.
fn weighted(rng: &mut Rng, options: &TrafficOptions) -> String {
    let mut left = rng.f64() * options.models.iter().map(|model| model.weight).sum::<f64>();
    for model in &options.models {
        left -= model.weight;
        if left <= 0.0 {
            return model.name.clone();
        }
    }
    options.models.last().map_or_else(|| "gpt-4".to_owned(), |model| model.name.clone())
}

fn headers(rng: &mut Rng, person: &Person, topic: &Topic, options: &TrafficOptions) -> HeaderMap {
    let trace = format!("00-{}-{}-01", hex(rng, 32), hex(rng, 16));
    let organization = ORGANIZATIONS[person.organization];
    let key = options.api_key.as_ref().map(|key| format!("Bearer {}", key.0));
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", USER_AGENT),
        ("x-user-id", person.user.as_str()),
        ("x-organization", organization),
        ("x-session-id", person.session.as_str()),
        ("x-prompt-category", topic.category),
        ("traceparent", trace.as_str()),
        ("authorization", key.as_deref().unwrap_or_default()),
    ] {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

fn chat(rng: &mut Rng, topic: &Topic, person: &Person, instructions: &str, model: &str) -> Value {
    let mut messages = vec![json!({ "role": "system", "content": instructions })];
    for _ in 0..person.turns {
        let length = rng.u64(20..160);
        messages.push(json!({ "role": "user", "content": text::question(rng, topic) }));
        messages.push(json!({ "role": "assistant", "content": text::answer(rng, topic, length) }));
    }
    messages.push(json!({ "role": "user", "content": prompt(rng, topic) }));
    let metadata = json!({ "user_id": person.user, "session_id": person.session });
    let mut body = json!({ "messages": messages, "metadata": metadata });
    let reasons = model.starts_with("gpt-5") || model.starts_with('o');
    if !reasons && happens(rng, 0.8) {
        body["temperature"] = json!(pick(rng, &[0.0, 0.2, 0.7, 0.7, 1.0]));
    }
    if happens(rng, 0.3) {
        let name = if reasons { "max_completion_tokens" } else { "max_tokens" };
        body[name] = json!(pick(rng, &[16, 64, 256, 512, 1024]));
    }
    match rng.u8(0..100) {
        0..=9 => body["tools"] = tools(),
        10..=14 => body["response_format"] = json!({ "type": "json_object" }),
        _ => {}
    }
    body
}

/// A question, sometimes with a long text to work on.
fn prompt(rng: &mut Rng, topic: &Topic) -> String {
    let question = text::question(rng, topic);
    if !happens(rng, 0.15) {
        return question;
    }
    let length = rng.u64(300..1500);
    format!("{question}\n\n{}", text::answer(rng, topic, length))
}

fn completion(rng: &mut Rng, topic: &Topic) -> Value {
    json!({ "prompt": prompt(rng, topic), "max_tokens": rng.u32(32..256), "temperature": 0.7 })
}

fn embedding(rng: &mut Rng, topic: &Topic) -> Value {
    let texts: Vec<String> = (0..rng.usize(1..=4))
        .map(|_| {
            let length = rng.u64(10..200);
            text::answer(rng, topic, length)
        })
        .collect();
    let format = if happens(rng, 0.7) { "base64" } else { "float" };
    json!({ "input": texts, "encoding_format": format })
}

/// Two tools, as an assistant with a search and a calendar has them.
fn tools() -> Value {
    json!([
        { "type": "function", "function": {
            "name": "search_documents",
            "description": "Search the company's documents.",
            "parameters": { "type": "object", "required": ["query"], "properties": {
                "query": { "type": "string" },
                "limit": { "type": "integer" },
            }},
        }},
        { "type": "function", "function": {
            "name": "create_reminder",
            "description": "Remind the user of something.",
            "parameters": { "type": "object", "required": ["title", "when"], "properties": {
                "title": { "type": "string" },
                "when": { "type": "string", "enum": ["today", "tomorrow", "next week"] },
            }},
        }},
    ])
}
