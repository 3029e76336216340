// The mock provider, twice: one that the SDKs speak to directly and one that stands behind Weir, so that the second one's
// journal holds what Weir sent and nothing else. Prints both addresses; ends when its standard input is closed.
import { fileURLToPath } from "node:url";
import { LLMock } from "@copilotkit/aimock";

async function startProvider() {
  const provider = new LLMock({ host: "127.0.0.1", port: 0, strict: true, logLevel: "warn" });
  provider.loadFixtureFile(fileURLToPath(new URL("fixtures.json", import.meta.url)));
  await provider.start();
  return provider;
}

const direct = await startProvider();
const behind = await startProvider();
console.log(JSON.stringify({ direct: direct.url, behind: behind.url }));

process.stdin.resume();
process.stdin.on("close", () => process.exit(0));
