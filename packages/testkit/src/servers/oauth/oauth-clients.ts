import { createHash, generateKeyPairSync, randomUUID, X509Certificate } from "node:crypto";
import { generate } from "selfsigned";

export type ServiceAccountKey = {
  readonly client_email: string;
  readonly private_key_id: string;
  readonly private_key: string;
};

/** The clients an `OauthServer` knows, each with the secrets an operator would hold. */
export type OauthClients = {
  /** An app with rights of its own in whole directories, by secret and by certificate. */
  readonly directoryApp: {
    readonly clientId: string;
    readonly clientSecret: string;
    readonly privateKeyPem: string;
    readonly certificatePem: string;
  };
  readonly certificateApp: { readonly clientId: string };
  /** A web app that users consented to. */
  readonly webApp: { readonly clientId: string; readonly clientSecret: string };
  /** An app on the user's own machine: any port of the loopback, and devices without a browser. */
  readonly desktopApp: { readonly clientId: string; readonly clientSecret: string };
  /** As the provider's console lets it be downloaded. */
  readonly serviceAccount: ServiceAccountKey;
  /** What the server is told of them (OpenID Connect Dynamic Client Registration 1.0 §2). */
  readonly registrations: readonly Record<string, unknown>[];
};

export const directoryScope = "https://outlook.office365.com/.default";
export const mailScope = "https://mail.google.com/";

export async function createOauthClients(): Promise<OauthClients> {
  const certificate = await generate([{ name: "commonName", value: "directory-app" }], {
    keyType: "rsa",
    keySize: 2_048,
  });
  const account = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const privateKey = account.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const serviceAccount = {
    client_email: "channel@project.iam.example.test",
    private_key_id: createHash("sha256").update(privateKey).digest("hex").slice(0, 40),
    private_key: privateKey,
  };
  const directoryApp = {
    clientId: randomUUID(),
    clientSecret: `directory-secret-${randomUUID()}`,
    privateKeyPem: certificate.private,
    certificatePem: certificate.cert,
  };
  const certificateApp = { clientId: randomUUID() };
  const webApp = { clientId: `web-${randomUUID()}`, clientSecret: `web-secret-${randomUUID()}` };
  const desktopApp = { clientId: `desktop-${randomUUID()}`, clientSecret: `desktop-secret-${randomUUID()}` };
  const inDirectories = { grant_types: ["client_credentials"], scope: directoryScope };
  const silent = { redirect_uris: [], response_types: [] };
  const certificateJwk = new X509Certificate(certificate.cert).publicKey.export({ format: "jwk" });
  return {
    directoryApp,
    certificateApp,
    webApp,
    desktopApp,
    serviceAccount,
    registrations: [
      {
        ...silent,
        ...inDirectories,
        client_id: directoryApp.clientId,
        client_secret: directoryApp.clientSecret,
        token_endpoint_auth_method: "client_secret_post",
      },
      {
        ...silent,
        ...inDirectories,
        client_id: certificateApp.clientId,
        token_endpoint_auth_method: "private_key_jwt",
        jwks: { keys: [certificateJwk] },
      },
      {
        client_id: webApp.clientId,
        client_secret: webApp.clientSecret,
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: ["https://web.example.test/back"],
        token_endpoint_auth_method: "client_secret_post",
      },
      {
        client_id: desktopApp.clientId,
        client_secret: desktopApp.clientSecret,
        application_type: "native",
        grant_types: ["authorization_code", "refresh_token", deviceCode],
        redirect_uris: ["http://127.0.0.1/"],
        token_endpoint_auth_method: "client_secret_post",
      },
      {
        ...silent,
        client_id: serviceAccount.client_email,
        grant_types: [jwtBearer],
        token_endpoint_auth_method: "none",
        jwks: { keys: [account.publicKey.export({ format: "jwk" })] },
      },
    ],
  };
}

/** RFC 7523 §2.1. */
export const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** RFC 8628 §3.4. */
const deviceCode = "urn:ietf:params:oauth:grant-type:device_code";
