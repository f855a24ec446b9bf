import type { ProviderAppRow } from "@mailfleet/database";
import { OperationalError } from "@mailfleet/domain";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { missing } from "../find-resources.ts";
import type { Session } from "../open-session.ts";

type FileOptions = Options & { readonly file: string };

const sealMsMax = 30_000;

/** The operator's own clients at providers: one for many mailboxes, which name it. */
export const addProviderApp: AddCommand = (program, run) => {
  const app = program.command("provider-app").description("our own clients at providers, and their secrets");
  const write = (action: "add" | "rotate", name: string, options: FileOptions) =>
    run.asActor(options, async (session, print) => {
      const { readAppFile } = await import("../provider-apps/read-app-file.ts");
      const wanted = readAppFile(options.file, run.variables);
      await (action === "add" ? add : rotate)(session, { name, ...wanted });
      const { kind, clientId } = wanted;
      print.one({ name, kind, clientId }, { App: name, Kind: kind, "Client id": clientId });
    });

  addLeaf(app, "add <name>", "register an app, its secrets sealed", "provider-app add entra -f entra.yaml")
    .requiredOption("-f, --file <file>", "what the provider gave (YAML); secrets as { env: NAME } or { file: PATH }")
    .action((name: string, options: FileOptions) => write("add", name, options));
  addLeaf(app, "rotate <name>", "put new secrets in place of the old", "provider-app rotate entra -f entra.yaml")
    .requiredOption("-f, --file <file>", "as for `add`, with the new secrets")
    .action((name: string, options: FileOptions) => write("rotate", name, options));
  addLeaf(app, "list", "every app, and which the provider refuses", "provider-app list").action((options: Options) =>
    run.asActor(options, async (session, print) => {
      const rows = await session.database.fleet.providerApps.list(await session.authorize("fleet.read", {}));
      print.rows(
        rows.map((row) => toView(row, session.now())),
        {
          name: ({ name }) => name,
          kind: ({ kind }) => kind,
          "client id": ({ clientId }) => clientId,
          version: ({ version }) => version,
          rotated: ({ rotatedAt }) => rotatedAt,
          refused: ({ refusedReason }) => refusedReason,
        },
      );
    }),
  );
};

type Wanted = {
  readonly name: string;
  readonly kind: string;
  readonly clientId: string;
  readonly material: unknown;
};

async function add(session: Session, wanted: Wanted): Promise<void> {
  const { ProviderAppName } = await import("@mailfleet/token-providers");
  if (!ProviderAppName.safeParse(wanted.name).success) {
    throw new OperationalError("contract.violated", "an app's name is lower-case letters, digits and hyphens");
  }
  const { apps, grant } = await openApps(session);
  if (await apps.add(grant, wanted, { signal: AbortSignal.timeout(sealMsMax) })) return;
  throw new OperationalError("resource.conflicting", "there is an app of this name; `provider-app rotate` changes it");
}

/** What was obtained with the old secrets stays good until it ends; whatever blocked them is over. */
async function rotate(session: Session, wanted: Wanted): Promise<void> {
  const { apps, grant } = await openApps(session);
  if (await apps.rotate(grant, wanted, { signal: AbortSignal.timeout(sealMsMax) })) return;
  throw missing("provider app of this kind");
}

async function openApps(session: Session) {
  const { createSealedStores } = await import("@mailfleet/vault");
  const authorize = () => session.authorize("fleet.provision", {});
  const { apps } = createSealedStores({ rows: session.database, vault: await session.vault(), grant: authorize });
  return { apps, grant: await authorize() };
}

function toView({ sealed: _, ...row }: ProviderAppRow, now: Date) {
  const { id, name, kind, clientId, version, createdAt, rotatedAt, blockedUntil, blockedReason } = row;
  const isRefused = blockedUntil !== null && blockedUntil > now;
  const refusedReason = isRefused ? blockedReason : null;
  return { id, name, kind, clientId, version, createdAt, rotatedAt, refusedReason };
}
