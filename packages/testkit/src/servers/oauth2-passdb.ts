import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Where a mail server asks whether a token is good (RFC 7662): tokens of one user, and tokens of an app for a directory. */
export type TokenIntrospection = { readonly mailboxUrl: string; readonly directoryUrl: string };

/**
 * Dovecot 2.3 asking about each token itself. One user's token opens their own mailbox and no other; an app's token opens
 * every mailbox of its directory's domain, as an administrator's consent does.
 */
export async function writeOauth2Passdbs(
  folder: string,
  { mailboxUrl, directoryUrl }: TokenIntrospection,
): Promise<string> {
  const files = [
    { path: join(folder, "oauth2-mailbox.conf"), url: mailboxUrl, compared: "%Lu" },
    { path: join(folder, "oauth2-directory.conf"), url: directoryUrl, compared: "%Ld" },
  ];
  for (const { path, url, compared } of files) {
    await writeFile(path, introspection(url, compared));
  }
  // Each setting on a line of its own: several on one are read as one.
  return files
    .map(({ path }) => `passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = ${path}\n}`)
    .join("\n");
}

function introspection(url: string, compared: string): string {
  return `introspection_mode = post
introspection_url = ${url}
username_attribute = email
username_format = ${compared}
active_attribute = active
active_value = true
`;
}
