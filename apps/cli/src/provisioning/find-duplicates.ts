import { z } from "zod";
import type { Path } from "./locate-in-yaml.ts";

export type Found = { readonly path: Path; readonly message: string };

const text = z.string().optional().catch(undefined);

/** As much of the file as can be read whatever else is wrong with it, so that all faults are told at once. */
export const LooseFile = z
  .looseObject({
    tenants: z
      .array(
        z
          .looseObject({
            key: text,
            namespace: text,
            mailboxes: z
              .array(
                z
                  .looseObject({
                    key: text,
                    imap: z.looseObject({ host: text }).catch({ host: undefined }),
                    credential: z.looseObject({ user: text }).catch({ user: undefined }),
                  })
                  .catch({
                    key: undefined,
                    imap: { host: undefined },
                    credential: { user: undefined },
                  }),
              )
              .catch([]),
          })
          .catch({ key: undefined, namespace: undefined, mailboxes: [] }),
      )
      .catch([]),
  })
  .catch({ tenants: [] });
export type LooseFile = z.output<typeof LooseFile>;

/** What is named twice in one file: each such name would be one row with two wishes for it. */
export function findDuplicates({ tenants }: LooseFile): readonly Found[] {
  const keys = tenants.map(({ key }, index) => ({ name: key, path: ["tenants", index, "key"] }));
  const namespaces = tenants.map(({ key, namespace }, index) => ({
    name: namespace ?? key,
    path: ["tenants", index, namespace === undefined ? "key" : "namespace"],
  }));
  const mailboxKeys = tenants.map(({ mailboxes }, tenant) =>
    mailboxes.map(({ key }, index) => ({ name: key, path: ["tenants", tenant, "mailboxes", index, "key"] })),
  );
  const logins = tenants.flatMap(({ mailboxes }, tenant) =>
    mailboxes.map(({ imap, credential: { user } }, index) => ({
      name: user === undefined ? undefined : JSON.stringify([imap.host?.toLowerCase(), user]),
      path: ["tenants", tenant, "mailboxes", index, "credential", "user"],
    })),
  );
  const duplicates = [
    ...repeated(keys, "another tenant in this file has the same key"),
    ...repeated(namespaces, "another tenant in this file has the same namespace"),
    ...mailboxKeys.flatMap((names) => repeated(names, "another mailbox of this tenant has the same key")),
    ...repeated(logins, "another mailbox in this file signs in to the same host with the same user"),
  ];
  // A key twice is its namespace twice: once is enough to be told.
  return duplicates.filter(
    ({ path }, index) => duplicates.findIndex((other) => other.path.join() === path.join()) === index,
  );
}

type Named = { readonly name: string | undefined; readonly path: Path };

function repeated(all: readonly Named[], message: string): readonly Found[] {
  const seen = new Set<string>();
  return all.flatMap(({ name, path }) => {
    if (name === undefined) return [];
    if (seen.has(name)) return [{ path, message }];
    seen.add(name);
    return [];
  });
}
