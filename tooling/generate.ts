/**
 * Writes what is generated from the code into the documents: the codemap, the configuration reference, `.env.example` and
 * the JSON Schemas of the tenants file and of a send job. With `--check` it writes nothing and fails when one of them is stale.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { placeCodemap, renderCodemap } from "./render-codemap.ts";
import { readVariables, renderEnvExample, renderReference } from "./render-reference.ts";
import { readMembers, readText, root } from "./workspace.ts";

const documents: Readonly<Record<string, () => Promise<string>>> = {
  "ARCHITECTURE.md": async () => placeCodemap(readText("ARCHITECTURE.md"), renderCodemap(readMembers())),
  "docs/configuration.md": async () => renderReference(await readVariables()),
  ".env.example": async () => renderEnvExample(await readVariables()),
  "docs/send-job.schema.json": async () => {
    const { sendJobSchema } = await import("../packages/client/src/index.ts");
    return `${JSON.stringify(sendJobSchema(), null, 2)}\n`;
  },
  "docs/tenants.schema.json": async () => {
    const { tenantsFileSchema } = await import("../apps/cli/src/provisioning/tenants-file.ts");
    return `${JSON.stringify(tenantsFileSchema(), null, 2)}\n`;
  },
};

const checkOnly = process.argv.includes("--check");
for (const [document, render] of Object.entries(documents)) {
  const wanted = await render();
  if (existsSync(join(root, document)) && readText(document) === wanted) continue;
  if (checkOnly) {
    console.error(`${document} is stale; run \`npm run generate\` and commit the result`);
    process.exitCode = 1;
  } else {
    writeFileSync(join(root, document), wanted);
    console.log(`${document}: written`);
  }
}
