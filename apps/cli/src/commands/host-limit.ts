import type { HostLimit } from "@mailfleet/database";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { missing } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { parseCount, parseHost, parseKind, parseRate } from "../parse-options.ts";

type Kind = HostLimit["kind"];
type SetOptions = Options & {
  readonly kind: Kind;
  readonly rate: number;
  readonly burst?: number;
  readonly inFlight: number;
};

/** What all tenants together may ask of one mail host. A host that was never named has no limits. */
export const addHostLimit: AddCommand = (program, run) => {
  const limit = program.command("host-limit").description("what all tenants together may ask of one mail host");
  addLeaf(limit, "list", "every host with limits", "host-limit list").action((options: Options) =>
    run.asActor(options, async (session, print) => {
      const limits = await session.database.fleet.hostLimits.list(await session.authorize("fleet.read", {}));
      print.rows(limits, {
        host: ({ host }) => host,
        kind: ({ kind }) => kind,
        "per second": ({ ratePerSecond }) => ratePerSecond,
        burst: ({ burst }) => burst,
        "at once": ({ inFlightMax }) => inFlightMax,
      });
    }),
  );
  addLeaf(
    limit,
    "set <host>",
    "limit polls of an IMAP host, or deliveries to an SMTP host",
    "host-limit set imap.gmail.com --kind poll --rate 500 --in-flight 2000",
  )
    .requiredOption("--kind <kind>", "poll or deliver", parseKind)
    .requiredOption("--rate <count>", "a second", parseRate)
    .requiredOption("--in-flight <count>", "at once", parseCount)
    .option("--burst <count>", "after a pause; the rate of a second where it is left out", parseRate)
    .action((host: string, options: SetOptions) =>
      run.asActor(options, async (session, print) => {
        const set = await setLimit(session, parseHost(host), options);
        print.one(set, {
          ...{ Host: set.host, Kind: set.kind, "Per second": set.ratePerSecond, Burst: set.burst },
          "At once": set.inFlightMax,
        });
      }),
    );
  addLeaf(limit, "remove <host>", "let a host go without limits", "host-limit remove imap.gmail.com --kind poll")
    .requiredOption("--kind <kind>", "poll or deliver", parseKind)
    .action((name: string, { kind, ...options }: Options & { readonly kind: Kind }) =>
      run.asActor(options, async (session, print) => {
        const host = parseHost(name);
        await removeLimit(session, kind, host);
        print.one({ host, kind, removed: true }, { Host: host, Kind: kind, Limits: "none" });
      }),
    );
};

async function setLimit(session: Session, host: string, { kind, rate, burst, inFlight }: SetOptions) {
  const grant = await session.authorize("fleet.provision", {});
  const limits = { ratePerSecond: rate, burst: Math.max(1, burst ?? rate), inFlightMax: inFlight };
  await session.database.fleet.hostLimits.set(grant, kind, host, limits);
  return { host, kind, ...limits };
}

async function removeLimit(session: Session, kind: Kind, host: string): Promise<void> {
  const grant = await session.authorize("fleet.provision", {});
  const { hostLimits } = session.database.fleet;
  const known = (await hostLimits.list(grant)).some((limit) => limit.kind === kind && limit.host === host);
  if (!known) throw missing("limit of a host");
  await hostLimits.set(grant, kind, host, null);
}
