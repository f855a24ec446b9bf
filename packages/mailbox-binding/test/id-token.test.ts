import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createIdTokenVerifier, createNonce, digestOf, parseIssuers } from "../src/index.ts";

const admin = "62e90394-69f5-4237-9190-012177145e10"; // Entra's Global Administrator
const [tid, foreignTid] = ["0b9c1d3e-1111-4222-8333-444455556666", "77777777-1111-4222-8333-444455556666"];
const address = "support@contoso.example";
const nonce = createNonce();

let server: Server;
let signingKey: CryptoKey;
let foreignKey: CryptoKey;
let port: number;
const issuerOf = (directory: string) => `https://login.example/${directory}/v2.0`;

beforeAll(async () => {
  const [own, foreign] = await Promise.all([generateKeyPair("RS256"), generateKeyPair("RS256")]);
  [signingKey, foreignKey] = [own.privateKey, foreign.privateKey];
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(own.publicKey)), kid: "k1", alg: "RS256", use: "sig" }] });
  server = createServer((_request, response) => response.setHeader("content-type", "application/json").end(jwks));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));

function issuers(jwksPort = port) {
  const jwksUri = `http://127.0.0.1:${jwksPort}/keys`;
  const common = { jwksUri, audience: "our-app" };
  const microsoft = {
    name: "microsoft",
    provider: "microsoft",
    issuer: issuerOf("{directory}"),
    directoryClaim: "tid",
  };
  const google = { name: "google", provider: "google", issuer: "https://accounts.example", directoryClaim: "hd" };
  return parseIssuers(
    JSON.stringify({
      issuers: [
        { ...microsoft, ...common, admin: { claim: "wids", values: [admin] } },
        { ...google, ...common },
      ],
    }),
  );
}

const adminClaims = { iss: issuerOf(tid), aud: "our-app", tid, wids: [admin], nonce };

function sign(claims: JWTPayload, { key = signingKey, alg = "RS256", kid = "k1", expires = "10m" } = {}) {
  return new SignJWT(claims).setProtectedHeader({ alg, kid }).setIssuedAt().setExpirationTime(expires).sign(key);
}

function verify(token: string, { name = "microsoft", at = address, from = issuers(), now = new Date() } = {}) {
  const issuer = from.find((each) => each.name === name);
  if (issuer === undefined) throw new Error("there is no such issuer");
  return createIdTokenVerifier(issuer, () => now).verify({ token, address: at, nonceSha256: digestOf(nonce) });
}

const unproven = { code: "binding.unproven" };

describe("an ID token", () => {
  it("of an administrator binds the mailbox to the directory it names", async () => {
    expect(await verify(await sign(adminClaims))).toEqual({ provider: "microsoft", directory: tid });
  });

  it("of the mailbox's own verified user binds it, and of any other member does not", async () => {
    const own = { iss: "https://accounts.example", aud: "our-app", hd: "contoso.example", nonce, email: address };
    const google = { name: "google" };
    expect(await verify(await sign({ ...own, email_verified: true }), google)).toEqual({
      provider: "google",
      directory: "contoso.example",
    });
    await expect(verify(await sign({ ...own, email_verified: false }), google)).rejects.toMatchObject(unproven);
    const member = { ...own, email: "intern@contoso.example", email_verified: true };
    await expect(verify(await sign(member), google)).rejects.toMatchObject(unproven);
  });

  it.each<[string, JWTPayload]>([
    ["of a member who administers nothing", { ...adminClaims, wids: [] }],
    ["without the claim that tells administrators", { iss: issuerOf(tid), aud: "our-app", tid, nonce }],
    ["that another mailbox's nonce was asked for", { ...adminClaims, nonce: createNonce() }],
    ["without a nonce", { ...adminClaims, nonce: undefined }],
    ["for another app", { ...adminClaims, aud: "their-app" }],
    ["for our app and another, made by the other", { ...adminClaims, aud: ["our-app", "their-app"], azp: "their-app" }],
    ["whose issuer is another directory than it names", { ...adminClaims, iss: issuerOf(foreignTid) }],
    ["of an issuer nobody configured", { ...adminClaims, iss: "https://evil.example/v2.0" }],
    ["without a directory", { ...adminClaims, tid: undefined }],
    ["of the directory of personal accounts", personal()],
    ["with a directory that is no name", { ...adminClaims, tid: "../../x" }],
  ])("%s proves nothing, and is not repeated in what is said", async (_, claims) => {
    const token = await sign(claims);
    const failure = await verify(token).catch((error: unknown) => error);
    expect(failure).toMatchObject(unproven);
    expect(String(failure)).not.toContain(tid);
  });

  it("that is forged, unsigned, too old or changed proves nothing", async () => {
    const token = await sign(adminClaims);
    const [header, payload] = token.split(".");
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
    const secret = new SignJWT(adminClaims)
      .setProtectedHeader({ alg: "HS256", kid: "k1" })
      .setIssuedAt()
      .setExpirationTime("1h");
    const forged = [
      await sign(adminClaims, { key: foreignKey }),
      await sign(adminClaims, { kid: "unknown" }),
      await sign(adminClaims, { expires: "-5m" }),
      await secret.sign(Buffer.from("a secret that everybody may know, long enough")),
      unsigned,
      `${header}.${payload}.`,
      "",
      "x".repeat(20_000),
    ];
    for (const each of forged) await expect(verify(each)).rejects.toMatchObject(unproven);
    await expect(verify(token, { now: new Date(Date.now() + 2 * 3_600_000) })).rejects.toMatchObject(unproven);
  });

  it("of another domain than the mailbox's proves nothing at a provider whose directories are domains", async () => {
    const own = { iss: "https://accounts.example", aud: "our-app", hd: "fabrikam.example", nonce };
    const token = await sign({ ...own, email: address, email_verified: true });
    await expect(verify(token, { name: "google" })).rejects.toMatchObject(unproven);
  });

  it("whose issuer does not answer is no failed proof", async () => {
    const token = await sign(adminClaims);
    await expect(verify(token, { from: issuers(1) })).rejects.toMatchObject({ code: "provider.unavailable" });
  });
});

describe("the file of issuers", () => {
  it("is refused where keys would be fetched in the open", () => {
    const issuer = {
      name: "x",
      provider: "oidc",
      issuer: "i",
      jwksUri: "http://keys.example/",
      audience: "a",
      directoryClaim: "d",
    };
    expect(() => parseIssuers(JSON.stringify({ issuers: [issuer] }))).toThrow(/jwksUri/);
    expect(() => parseIssuers("{")).toThrow("not JSON");
  });
});

function personal(): JWTPayload {
  const directory = "9188040d-6c67-4c5b-b112-36a304b66dad";
  return { ...adminClaims, tid: directory, iss: issuerOf(directory) };
}
