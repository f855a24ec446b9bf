import { randomBytes } from "node:crypto";
import { loadavg } from "node:os";
import type { Grant } from "@mailfleet/gate";
import type { SealBinding } from "@mailfleet/vault";
import { type Bare, openBare, sealBare } from "../../reference/bare-aes-gcm.ts";
import { type Bench, UsageError, VerificationError } from "../bench.ts";
import { median } from "../median.ts";
import { openVaultBench, type VaultBench } from "./open-vault-bench.ts";

/** Many and short, so that whatever else runs on the machine meets both alike. */
const rounds = 60;
const credentialsCount = 2_000;
const opensPerRound = 5_000;
const coldOpensPerRound = 50;
/** As long as a refresh token with what lies beside it. */
const plaintextBytes = 1_024;

type Stored = { readonly binding: SealBinding; readonly sealed: Uint8Array; readonly plaintext: Uint8Array };
type Reference = { readonly key: Uint8Array; readonly authenticated: Uint8Array; readonly bare: Bare };

/** Opening credentials of one tenant, its data key in memory and not, beside the bare cipher on texts as long. */
export const vault: Bench = {
  name: "vault",
  summary: "opens a second for one cached tenant key, and cold, beside bare node:crypto AES-256-GCM on the same texts",
  usage: "It has no options. Every open is through a grant and compared once; the two are measured in turns.",
  async run(args, { progress, signal }) {
    if (args.length > 0) throw new UsageError(`there is no option "${args[0]}"`);
    const loadAverageBefore = loadavg()[0] ?? 0;
    await using bench = await openVaultBench();
    const stored = await sealAll(bench);
    const reference = stored.map(toReference);
    await verify(bench, stored, reference);
    const measured: { cached: number; cold: number; reference: number }[] = [];
    for (let round = 0; round <= rounds; round++) {
      signal.throwIfAborted();
      const grant = await bench.access();
      const bare = openAllBare(reference);
      const cached = await openAll(bench, grant, { stored, count: opensPerRound, cold: false });
      const cold = await openAll(bench, grant, { stored, count: coldOpensPerRound, cold: true });
      if (round > 0) measured.push({ cached, cold, reference: bare }); // the first warms them up
      if (round % 10 === 0)
        progress(
          `round ${round}: ${cached.toFixed(0)} cached, ${cold.toFixed(0)} cold, ${bare.toFixed(0)} bare opens/s`,
        );
    }
    const ratio = round2(median(measured.map((one) => one.cached / one.reference)));
    const opensPerSecond = Math.round(median(measured.map(({ cached }) => cached)));
    const coldOpensPerSecond = Math.round(median(measured.map(({ cold }) => cold)));
    const referencePerSecond = Math.round(median(measured.map((one) => one.reference)));
    return {
      result: {
        ...{ bench: "vault", verified: true, ratio, opensPerSecond, coldOpensPerSecond, referencePerSecond },
        ...{ credentialsCount, plaintextBytes, rounds, loadAverageBefore },
      },
      table: `cached ${opensPerSecond}/s, cold ${coldOpensPerSecond}/s, bare ${referencePerSecond}/s, ratio ${ratio} (load ${loadAverageBefore})`,
    };
  },
};

const never = { signal: new AbortController().signal };

async function sealAll({ vault: sealing, access }: VaultBench): Promise<readonly Stored[]> {
  const grant = await access();
  const all = Array.from({ length: credentialsCount }, async (_, index): Promise<Stored> => {
    const plaintext = randomBytes(plaintextBytes);
    const record = `credential:${crypto.randomUUID()}:${crypto.randomUUID()}:${index}`;
    const binding = { purpose: "credentials", record } as const;
    return { binding, plaintext, sealed: await sealing.seal(grant, binding, plaintext, never) };
  });
  return Promise.all(all);
}

const bareKey = randomBytes(32);

/** The same texts, with as much authenticated beside them. */
function toReference({ binding, plaintext }: Stored): Reference {
  const authenticated = Buffer.from(
    `mailfleet.sealed 1 ${crypto.randomUUID()} credentials 1 ${binding.record} and lengths`,
  );
  return { key: bareKey, authenticated, bare: sealBare(bareKey, authenticated, plaintext) };
}

async function verify(bench: VaultBench, stored: readonly Stored[], reference: readonly Reference[]): Promise<void> {
  const grant = await bench.access();
  for (const [index, { binding, sealed, plaintext }] of stored.entries()) {
    const same = await bench.vault.use(
      grant,
      binding,
      sealed,
      async (opened) => Buffer.compare(opened, plaintext) === 0,
      never,
    );
    const { key, authenticated, bare } = reference[index] as Reference;
    if (!same || Buffer.compare(openBare(key, authenticated, bare), plaintext) !== 0)
      throw new VerificationError("what was opened is not what was sealed");
  }
}

type Opening = { readonly stored: readonly Stored[]; readonly count: number; readonly cold: boolean };

/** Opens a second, one after the other, as a worker opens them. */
async function openAll(
  { vault: opening }: VaultBench,
  grant: Grant<"credential.manage">,
  { stored, count, cold }: Opening,
) {
  let bytes = 0;
  const take = async (opened: Uint8Array) => {
    bytes += opened.length;
  };
  const began = performance.now();
  for (let index = 0; index < count; index++) {
    const { binding, sealed } = stored[index % stored.length] as Stored;
    if (cold && grant.tenantId !== null) opening.forget(grant.tenantId);
    await opening.use(grant, binding, sealed, take, never);
  }
  const seconds = (performance.now() - began) / 1_000;
  if (bytes !== count * plaintextBytes) throw new VerificationError("an open came out shorter");
  return count / seconds;
}

function openAllBare(reference: readonly Reference[]): number {
  let bytes = 0;
  const began = performance.now();
  for (let index = 0; index < opensPerRound; index++) {
    const { key, authenticated, bare } = reference[index % reference.length] as Reference;
    bytes += openBare(key, authenticated, bare).length;
  }
  const seconds = (performance.now() - began) / 1_000;
  if (bytes !== opensPerRound * plaintextBytes) throw new VerificationError("a bare open came out shorter");
  return opensPerRound / seconds;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
