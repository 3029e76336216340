//! Phrases: what the sentences are made of.

/// Something people ask about.
#[derive(Debug)]
pub(crate) struct Topic {
    /// Its name, as it stands in a sentence.
    pub(crate) name: &'static str,
    /// What kind of prompt it makes.
    pub(crate) category: &'static str,
    /// What it consists of; each can be the subject of a sentence.
    pub(crate) parts: [&'static str; 4],
    /// What doing it well brings.
    pub(crate) gains: [&'static str; 3],
    /// A block of code, fenced, with the sentence that leads to it; empty where there is none.
    pub(crate) code: &'static str,
}

/// Everything the simulated people talk about.
pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "sourdough bread",
        category: "everyday",
        parts: ["the starter", "the oven temperature", "the second rise", "the flour"],
        gains: ["an open crumb", "a crisp crust", "a dough that holds its shape"],
        code: "",
    },
    Topic {
        name: "a rate limiter",
        category: "coding",
        parts: ["the token bucket", "the clock", "the retry policy", "the shared counter"],
        gains: ["an even load", "a fair share for everyone", "a quiet night on call"],
        code: PYTHON,
    },
    Topic {
        name: "the slow orders query",
        category: "coding",
        parts: ["the index", "the join order", "the sort", "the table statistics"],
        gains: ["a shorter plan", "a steady response time", "less pressure on the disk"],
        code: SQL,
    },
    Topic {
        name: "a parser for log lines",
        category: "coding",
        parts: ["the quoting rule", "the error message", "the input buffer", "the test corpus"],
        gains: ["a parser that never guesses", "a clear failure", "one pass over the bytes"],
        code: RUST,
    },
    Topic {
        name: "the quarterly report",
        category: "analysis",
        parts: ["the revenue line", "the churn figure", "the outlook", "the hiring plan"],
        gains: ["a story the board can follow", "an honest comparison", "a figure nobody disputes"],
        code: "",
    },
    Topic {
        name: "the survey results",
        category: "analysis",
        parts: ["the sample", "the open question", "the response rate", "the control group"],
        gains: ["a result that holds up", "a smaller margin of error", "a finding worth acting on"],
        code: "",
    },
    Topic {
        name: "a lighthouse keeper",
        category: "creative_writing",
        parts: ["the lamp", "the storm", "the letter from the mainland", "the empty boat"],
        gains: ["a reason to stay", "a silence that means something", "an ending nobody expects"],
        code: "",
    },
    Topic {
        name: "a market in the rain",
        category: "creative_writing",
        parts: ["the tea seller", "the broken umbrella", "the lost ring", "the smell of oranges"],
        gains: ["a sense of place", "a friendship that lasts", "a small moment of luck"],
        code: "",
    },
    Topic {
        name: "a late delivery",
        category: "support",
        parts: ["the order number", "the carrier", "the refund", "the delivery address"],
        gains: ["a quick answer", "a calm customer", "one message instead of three"],
        code: "",
    },
    Topic {
        name: "photosynthesis",
        category: "education",
        parts: ["the chlorophyll", "the light reaction", "the carbon cycle", "the water supply"],
        gains: ["sugar from sunlight", "the oxygen we breathe", "a balance over the day"],
        code: "",
    },
    Topic {
        name: "solar panels on a flat roof",
        category: "planning",
        parts: ["the tilt angle", "the inverter", "the winter shade", "the feed-in tariff"],
        gains: ["a better yield", "a shorter payback time", "a lower bill in July"],
        code: "",
    },
    Topic {
        name: "the first week of a new colleague",
        category: "planning",
        parts: ["the laptop", "the welcome lunch", "the first small task", "the list of names"],
        gains: ["an easy start", "fewer questions in the second week", "a team that knows each other"],
        code: "",
    },
];

pub(super) const OPENINGS: &[&str] = &[
    "The short answer is that {t} depends on {p} more than on anything else.",
    "Good question. With {t}, most of the work goes into {p}.",
    "Let us look at {t} step by step, and begin with {p}.",
    "In short: settle {p} first, and {g} follows.",
    "There are two sides to {t}: {p} and {q}.",
];

pub(super) const SENTENCES: &[&str] = &[
    "{p} matters because it decides how {q} behaves.",
    "When {p} is neglected, {q} has to make up for it.",
    "In about {n} of 100 cases, {p} alone is enough for {g}.",
    "It helps to write down what {p} looked like before and after.",
    "You get {g} only if {p} and {q} fit together.",
    "Some people start with {q}, but {p} is the safer beginning.",
    "A change of {n} percent in {p} is easy to miss and hard to repair.",
    "Once {p} is in order, {t} becomes a matter of patience.",
    "Nobody notices {p} until it fails.",
    "Check {p} again after {n} minutes, and leave {q} as it is.",
    "That is why {t} is often taught with {p} as the example.",
    "If in doubt, choose the simpler form of {p}.",
    "This gives {g} without any extra cost.",
];

pub(super) const LIST_OPENINGS: &[&str] =
    &["Here is what to look at:", "In order of importance:", "A short checklist:", "The main points are:"];

pub(super) const LIST_ITEMS: &[&str] = &[
    "look at it first, since everything else depends on it.",
    "allow {n} minutes and do not rush.",
    "a small effort that brings {g}.",
    "keep it as it is unless {p} changes.",
    "ask someone who has done it before.",
    "measure it twice and write the result down.",
];

pub(super) const QUESTIONS: &[&str] = &[
    "Explain {t} to someone who has never heard of it.",
    "What should I know about {t} before I start?",
    "Write a short text about {t}. Mention {p}.",
    "How does {p} influence {q} when it comes to {t}?",
    "Give me a checklist for {t} with at most {n} points.",
    "I have a problem with {t}: {p} does not look right. What can I do?",
    "Compare two ways to approach {t} and recommend one.",
    "Summarise what matters about {t} in three sentences.",
];

const PYTHON: &str = "A version in Python:\n\n```python\nimport time\n\n\nclass Bucket:\n    def __init__(self, rate, size):\n        \
     self.rate, self.size = rate, size\n        self.level, self.at = size, time.monotonic()\n\n    def take(self):\n        \
     now = time.monotonic()\n        self.level = min(self.size, self.level + (now - self.at) * self.rate)\n        \
     self.at = now\n        if self.level < 1:\n            return False\n        self.level -= 1\n        return True\n```";
const SQL: &str = "The query, with the filter before the join:\n\n```sql\nSELECT o.id, o.total, c.name\nFROM (\n  SELECT id, total, \
     customer_id FROM orders\n  WHERE created_at >= now() - interval '7 days'\n) AS o\nJOIN customers AS c ON c.id = \
     o.customer_id\nORDER BY o.total DESC\nLIMIT 50;\n```";
const RUST: &str = "In Rust, the same idea reads like this:\n\n```rust\nfn fields(line: &str) -> impl Iterator<Item = (&str, &str)> {\n    \
     line.split_whitespace().filter_map(|word| word.split_once('='))\n}\n\nassert_eq!(fields(\"level=info status=200\")\
     .count(), 2);\n```";
