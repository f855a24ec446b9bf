import { describeEnvironment, type EnvironmentVariable } from "../packages/runtime/src/index.ts";

/** Which apps read the environment. Each says what it reads in its `config.ts`. */
const apps = ["scheduler", "poll-worker", "send-worker", "cli"] as const;

export type Variable = EnvironmentVariable & { readonly readBy: readonly string[] };

/** Every variable of every app, once, with who reads it. One name means one thing everywhere. */
export async function readVariables(): Promise<readonly Variable[]> {
  const variables = new Map<string, Variable>();
  for (const app of apps) {
    const { Environment } = await import(`../apps/${app}/src/config.ts`);
    for (const variable of describeEnvironment(Environment)) {
      const known = variables.get(variable.name);
      if (known !== undefined && known.description !== variable.description) {
        throw new Error(`${variable.name} means two things: ask ${known.readBy.join(", ")} and ${app}`);
      }
      const required = variable.required || known?.required === true;
      variables.set(variable.name, { ...variable, required, readBy: [...(known?.readBy ?? []), app] });
    }
  }
  return [...variables.values()];
}

export function renderReference(variables: readonly Variable[]): string {
  const rows = variables.map(({ name, required, secret, default: value, description, readBy }) => {
    const shown = value === null || value === "" ? (required ? "required" : "") : `\`${value}\``;
    return `| \`${name}\`${secret ? " (or `_FILE`)" : ""} | ${shown} | ${description} | ${readBy.join(", ")} |`;
  });
  return `${[
    "# Configuration",
    "",
    "<!-- Written by `npm run generate` from each app's `config.ts`. -->",
    "",
    "Every process is configured by its environment, read once at its start; all faults are reported at once and no value is",
    "printed. An empty variable counts as unset. A variable marked `_FILE` holds a secret: `NAME_FILE` may name a file that",
    "holds it instead. `mailfleet config check` says what is set, from where, and what is wrong.",
    "",
    "| variable | default | meaning | read by |",
    "|---|---|---|---|",
    ...rows,
  ].join("\n")}\n`;
}

export function renderEnvExample(variables: readonly Variable[]): string {
  const entries = variables.map(
    ({ name, default: value, description }) => `# ${description}\n#${name}=${value ?? ""}\n`,
  );
  return `# Written by \`npm run generate\`. Every variable is explained in docs/configuration.md.\n\n${entries.join("\n")}`;
}
