import { writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { generate } from "selfsigned";

export type TestCertificate = {
  /** The throw-away authority that signed it; a client that trusts this accepts the server. */
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
};

/** The same for a program that reads files. */
export type CertificateFiles = TestCertificate & { readonly certPath: string; readonly keyPath: string };

type Authority = { readonly keyPem: string; readonly certPem: string };

const loopback = ["localhost", "127.0.0.1", "::1"];
const dayMs = 86_400_000;
let authority: Promise<Authority> | undefined;
const certificates = new Map<string, Promise<TestCertificate>>();

/**
 * A server certificate for the given host names and addresses, 127.0.0.1 and localhost without any. All certificates of
 * a process come from one authority, made at its first use; nothing on this machine trusts it.
 */
export function testCertificate(names: readonly string[] = loopback): Promise<TestCertificate> {
  const key = names.join(" ");
  const made = certificates.get(key) ?? issue(names);
  certificates.set(key, made);
  return made;
}

/** Writes a certificate into a server's own folder, with which it goes. */
export async function certificateFiles(folder: string, names?: readonly string[]): Promise<CertificateFiles> {
  const certificate = await testCertificate(names);
  const [certPath, keyPath] = [join(folder, "server.crt"), join(folder, "server.key")];
  await writeFile(certPath, certificate.certPem);
  await writeFile(keyPath, certificate.keyPem, { mode: 0o600 });
  return { ...certificate, certPath, keyPath };
}

async function issue(names: readonly string[]): Promise<TestCertificate> {
  authority ??= createAuthority();
  const ca = await authority;
  const made = await generate([{ name: "commonName", value: names[0] ?? "localhost" }], {
    ...validity(),
    ca: { key: ca.keyPem, cert: ca.certPem },
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name })),
      },
    ],
  });
  return { caPem: ca.certPem, certPem: made.cert, keyPem: made.private };
}

async function createAuthority(): Promise<Authority> {
  const made = await generate([{ name: "commonName", value: "Mailfleet test authority" }], {
    ...validity(),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { keyPem: made.private, certPem: made.cert };
}

/** From yesterday, because the clocks of a container and its host may differ. */
function validity() {
  const now = Date.now();
  const dates = { notBeforeDate: new Date(now - dayMs), notAfterDate: new Date(now + 30 * dayMs) };
  return { ...dates, keyType: "ec", curve: "P-256", algorithm: "sha256" } as const;
}
