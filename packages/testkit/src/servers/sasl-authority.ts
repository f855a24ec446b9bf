import { createSign, generateKeyPairSync } from "node:crypto";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startChildServer } from "./child-server.ts";
import { findProgram } from "./find-program.ts";
import { type TokenIntrospection, writeOauth2Passdbs } from "./oauth2-passdb.ts";

export type SaslAuthority = {
  /** Where Postfix asks (`smtpd_sasl_path`). */
  readonly socketPath: string;
  /** A bearer token as an identity provider would sign it. */
  token(user: string, expiresAt: Date): string;
  output(): string;
  close(): Promise<void>;
};

const issuer = "https://issuer.example.com";

/**
 * Dovecot with nothing but its authentication service: who may log in, with which password or token, for a server that
 * leaves the question to it. PLAIN, LOGIN and XOAUTH2 (tokens are RS256 JWTs, RFC 7519).
 */
export async function startSaslAuthority(
  folder: string,
  users: Readonly<Record<string, string>>,
  tokens?: TokenIntrospection,
): Promise<SaslAuthority> {
  const program = findProgram("dovecot");
  if (program === null) throw new Error("dovecot is not installed");
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const socketPath = join(folder, "auth");
  const keys = join(folder, "keys/default/RS256");
  await mkdir(keys, { recursive: true });
  await writeFile(join(keys, "test"), publicKey.export({ type: "spki", format: "pem" }));
  await writeFile(join(folder, "oauth2.conf"), oauth2Configuration(folder));
  await writeFile(
    join(folder, "users"),
    Object.entries(users)
      .map(([user, secret]) => `${user}:{PLAIN}${secret}\n`)
      .join(""),
  );
  const passdbs = tokens ? writeOauth2Passdbs(folder, tokens) : localPassdb(folder);
  await writeFile(join(folder, "dovecot.conf"), configuration(folder, socketPath, await passdbs));

  const server = await startChildServer({
    command: program,
    args: ["-F", "-c", join(folder, "dovecot.conf")],
    ready: () =>
      stat(socketPath).then(
        () => true,
        () => false,
      ),
  });
  return {
    socketPath,
    output: server.output,
    close: () => server.stop(),
    token(user, expiresAt) {
      const expires = Math.floor(expiresAt.getTime() / 1_000);
      const claims = { iss: issuer, sub: user, email: user, iat: expires - 3_600, nbf: expires - 3_600, exp: expires };
      const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
      const signed = `${encode({ alg: "RS256", typ: "JWT", kid: "test" })}.${encode(claims)}`;
      return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey, "base64url")}`;
    },
  };
}

function oauth2Configuration(folder: string): string {
  return `introspection_mode = local
local_validation_key_dict = fs:posix:prefix=${folder}/keys/
username_attribute = email
issuers = ${issuer}
`;
}

function localPassdb(folder: string): string {
  return `passdb {\n  driver = oauth2\n  mechanisms = xoauth2\n  args = ${folder}/oauth2.conf\n}`;
}

/** Dovecot 2.3. Each setting on a line of its own: several on one are read as one. */
function configuration(folder: string, socketPath: string, tokenPassdbs: string): string {
  return `
protocols =
base_dir = ${folder}/run
state_dir = ${folder}/run
log_path = /dev/stderr
ssl = no
auth_mechanisms = plain login xoauth2
${tokenPassdbs}
passdb {
  driver = passwd-file
  mechanisms = plain login
  args = ${folder}/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener ${socketPath} {
    mode = 0666
  }
}
`;
}
