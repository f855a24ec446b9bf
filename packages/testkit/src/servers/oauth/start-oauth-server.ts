import { once } from "node:events";
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type Provider from "oidc-provider";
import type { TokenIntrospection } from "../oauth2-passdb.ts";
import { testCertificate } from "../tls.ts";
import { type Browser, openBrowser } from "./browser.ts";
import { consents } from "./consents.ts";
import { answerInteraction, type Person } from "./interactions.ts";
import { createOauthClients, jwtBearer, type OauthClients } from "./oauth-clients.ts";

/** An answer a provider really gave, in place of the server's own. */
export type RecordedAnswer = {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type OauthServer = OauthClients & {
  /** `localhost:<port>`, over TLS by `caPem`. */
  readonly host: string;
  readonly caPem: string;
  readonly issuer: string;
  readonly tokenEndpoint: string;
  /**
   * Where a mail server asks whether a token is good, over plain HTTP: `mailbox` for tokens of one user, `directory` for
   * tokens of an app, which the answer names `app@<domain of the directory>`.
   */
  introspection(): TokenIntrospection;
  /** Token requests so far, of one grant type or of all. */
  requestsCount(grantType?: string): number;
  /** What a user's consent leaves behind: the first refresh token of a family. */
  consent(user: string): Promise<string>;
  /** A browser with this person in front of it. */
  browser(person: Person): Browser;
  /** What this user allowed and nobody took back. */
  consentsCount(user: string): Promise<number>;
  /** The user takes the consent back: neither refresh nor access tokens of it are good any more. */
  withdraw(user: string): Promise<void>;
  /** This access token is good no more, before its time. */
  revoke(accessToken: string): Promise<void>;
  setLifetime(seconds: number): void;
  /** The next `count` token requests are answered so. */
  answerNext(answer: RecordedAnswer, count?: number): void;
  /** Runs after a token request was carried out and before its answer leaves: the moment in which a client may die. */
  onAnswered(listen: (() => Promise<void>) | null): void;
  close(): Promise<void>;
};

export type OauthServerOptions = {
  /** Directory id to the domain of its mailboxes. */
  readonly directories?: Readonly<Record<string, string>>;
};

const microsoftToken = /^\/[^/]+\/oauth2\/v2\.0\/token$/;

/** A real authorization server on a free port of 127.0.0.1: tokens it gave are good until they expire or are revoked. */
export async function startOauthServer(options: OauthServerOptions = {}): Promise<OauthServer> {
  // Loaded by those alone who start it: it is heavy, and it speaks up when it is loaded.
  const { createAuthorizationServer, issuerOf } = await import("./create-authorization-server.ts");
  const clients = await createOauthClients();
  const certificate = await testCertificate();
  const lifetimes = { accessTokenSeconds: 3_600 };
  const requests: string[] = [];
  const recorded: RecordedAnswer[] = [];
  let answered: (() => Promise<void>) | null = null;
  let provider: Provider;
  const users = consents(() => provider, clients.webApp.clientId);

  const tls = createServer({ key: certificate.keyPem, cert: certificate.certPem }, (request, response) => {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    if (path.startsWith("/interaction/")) return void answerInteraction(provider, [request, response], users.remember);
    const isToken = path === "/token" || microsoftToken.test(path);
    if (!isToken) return void provider.callback()(request, response);
    void answerToken(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const plain = createPlainServer((request, response) => {
    void introspect(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const port = await listen(tls);
  const plainPort = await listen(plain);
  const host = `localhost:${port}`;
  provider = createAuthorizationServer(`https://${host}`, clients, lifetimes);
  provider.proxy = false;
  const { remember: _, ...byUsers } = users;

  async function answerToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = new URLSearchParams(await readText(request));
    requests.push(body.get("grant_type") ?? "");
    const answer = recorded.shift();
    if (answer !== undefined) return reply(response, answer);
    // A service account's assertion is all it sends (RFC 7523 §2.1); the server wants to know its client.
    if (body.get("grant_type") === jwtBearer) body.set("client_id", issuerOf(body.get("assertion") ?? ""));
    const end = response.end.bind(response);
    const delayed = (...parts: unknown[]) => {
      void Promise.resolve(answered?.()).then(() => Reflect.apply(end, response, parts));
      return response;
    };
    response.end = delayed as typeof response.end;
    const originalUrl = (request.url ?? "/token").split("?", 1)[0];
    Object.assign(request, { originalUrl, url: "/token", body: Object.fromEntries(body) });
    await provider.callback()(request, response);
  }

  async function introspect(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = new URLSearchParams(await readText(request)).get("token") ?? "";
    const ofDirectory = request.url === "/introspect/directory";
    const found = ofDirectory ? await provider.ClientCredentials.find(token) : await provider.AccessToken.find(token);
    if (found === undefined || found.isExpired) return reply(response, { status: 200, body: { active: false } });
    const directory = String((found.extra as { directory?: unknown } | undefined)?.directory);
    const domains = options.directories ?? {};
    // As Entra does: a directory is called by its id or by a domain of its own.
    const named = Object.values(domains).find((domain) => domain === directory);
    const domain = domains[directory] ?? named ?? "nowhere.invalid";
    const email = "accountId" in found ? found.accountId : `app@${domain}`;
    reply(response, { status: 200, body: { active: true, email, exp: found.exp } });
  }

  const introspectionUrl = (kind: string) => `http://127.0.0.1:${plainPort}/introspect/${kind}`;
  return {
    ...clients,
    host,
    caPem: certificate.caPem,
    issuer: `https://${host}`,
    tokenEndpoint: `https://${host}/token`,
    introspection: () => ({ mailboxUrl: introspectionUrl("mailbox"), directoryUrl: introspectionUrl("directory") }),
    requestsCount: (grantType) => requests.filter((type) => grantType === undefined || type === grantType).length,
    ...byUsers,
    browser: (person) => openBrowser(certificate.caPem, person),
    setLifetime(seconds) {
      lifetimes.accessTokenSeconds = seconds;
    },
    answerNext: (answer, count = 1) => void recorded.push(...Array.from({ length: count }, () => answer)),
    onAnswered(listener) {
      answered = listener;
    },
    async close() {
      for (const server of [tls, plain]) {
        server.close();
        server.closeAllConnections();
        await once(server, "close").catch(() => {});
      }
    },
  };
}

async function listen(server: ReturnType<typeof createPlainServer>): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function reply(response: ServerResponse, { status, body, headers = {} }: RecordedAnswer): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}
