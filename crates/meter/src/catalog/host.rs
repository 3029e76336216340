//! Whose prices hold at an address. Addresses are facts from the providers' public documentation.

/// The end of a host's name, and the provider in the catalogue. A host fits if it is the name or ends in `.` and the name.
const HOSTS: &[(&str, &str)] = &[
    ("api.anthropic.com", "anthropic"),
    ("api.arcee.ai", "arcee"),
    ("api.avian.io", "avian"),
    ("openai.azure.com", "azure"),
    ("cognitiveservices.azure.com", "azure"),
    ("services.ai.azure.com", "azure_ai"),
    ("inference.ai.azure.com", "azure_ai"),
    ("inference.baseten.co", "baseten"),
    ("api.cerebras.ai", "cerebras"),
    ("api.cloudflare.com", "cloudflare"),
    ("api.cohere.ai", "cohere"),
    ("api.cohere.com", "cohere"),
    ("cloud.databricks.com", "databricks"),
    ("azuredatabricks.net", "databricks"),
    ("api.deepinfra.com", "deepinfra"),
    ("api.deepseek.com", "deepseek"),
    ("api.doubleword.ai", "doubleword"),
    ("api.fireworks.ai", "fireworks"),
    ("api.githubcopilot.com", "github_copilot"),
    ("generativelanguage.googleapis.com", "google"),
    ("aiplatform.googleapis.com", "google-vertex"),
    ("api.groq.com", "groq"),
    ("api.hyperbolic.xyz", "hyperbolic"),
    ("api.lambda.ai", "lambda_ai"),
    ("api.meta.ai", "meta"),
    ("api.minimax.io", "minimax"),
    ("api.mistral.ai", "mistral"),
    ("api.moonshot.ai", "moonshot"),
    ("api.moonshot.cn", "moonshot"),
    ("api.morphllm.com", "morph"),
    ("api.studio.nebius.com", "nebius"),
    ("api.novita.ai", "novita"),
    ("api.openai.com", "openai"),
    ("openrouter.ai", "openrouter"),
    ("oai.endpoints.kepler.ai.cloud.ovh.net", "ovhcloud"),
    ("api.perplexity.ai", "perplexity"),
    ("api.sambanova.ai", "sambanova"),
    ("api.scaleway.ai", "scaleway"),
    ("api.together.xyz", "together"),
    ("api.together.ai", "together"),
    ("ai-gateway.vercel.sh", "vercel_ai_gateway"),
    ("api.voyageai.com", "voyageai"),
    ("api.x.ai", "xai"),
    ("api.z.ai", "zai"),
    ("open.bigmodel.cn", "zhipuai"),
];

/// The provider in the catalogue that answers at `host`, and the region that the host's name says.
#[must_use]
pub fn of_host(host: &str) -> Option<(&'static str, Option<&'static str>)> {
    let host = host.to_ascii_lowercase();
    if host.ends_with("-aiplatform.googleapis.com") {
        return Some(("google-vertex", None));
    }
    if host.ends_with(".amazonaws.com") || host.ends_with(".api.aws") {
        let bedrock = host.starts_with("bedrock-runtime") || host.starts_with("bedrock-mantle");
        return bedrock.then_some(("aws-bedrock", None));
    }
    let fits = |name: &str| host.strip_suffix(name).filter(|rest| rest.is_empty() || rest.ends_with('.'));
    let (rest, provider) = HOSTS.iter().find_map(|(name, provider)| Some((fits(name)?, *provider)))?;
    // OpenAI's processing in a region is at `eu.api.openai.com`; Azure's and others' first names are the customers'.
    let region = match (provider, rest) {
        ("openai", "eu.") => Some("eu"),
        ("openai", "us.") => Some("us"),
        _ => None,
    };
    Some((provider, region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_an_address_is() {
        for (host, provider) in [
            ("api.openai.com", Some(("openai", None))),
            ("eu.api.openai.com", Some(("openai", Some("eu")))),
            ("mine.openai.azure.com", Some(("azure", None))),
            ("us-central1-aiplatform.googleapis.com", Some(("google-vertex", None))),
            ("bedrock-runtime.eu-west-1.amazonaws.com", Some(("aws-bedrock", None))),
            ("bedrock-mantle.eu-west-1.api.aws", Some(("aws-bedrock", None))),
            ("s3.amazonaws.com", None),
            ("lambda.eu-west-1.api.aws", None),
            ("notapi.openai.com", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(of_host(host), provider, "{host}");
        }
    }

    #[test]
    fn every_address_leads_to_prices() {
        let catalog = crate::catalog::Catalog::embedded();
        for (host, provider) in HOSTS {
            assert!(catalog.has_provider(provider), "{host} {provider}");
        }
    }
}
