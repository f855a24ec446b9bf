import { type Binding, type Login, OperationalError, parseAtEdge, type Secret } from "@mailfleet/domain";
import type { z } from "zod";
import type { StoredCredential } from "./credential-reader.ts";
import type { ProviderAppMaterial } from "./provider-app-material.ts";

/** A login that is the credential itself. An object, so that there is a place for more. */
export type Obtained = { readonly login: Login };

/**
 * The part that differs between flows. It keeps no state; reading the credential, checking grants and whatever is
 * remembered or shared between calls is written once, around it.
 *
 * @throws OperationalError `credential.unreadable` for material that is not what the flow needs
 */
export type TokenFlow = DirectFlow | ExchangeFlow;

/** The credential is what the mail server accepts: there is nobody to ask and nothing to remember. */
export type DirectFlow = {
  /** As it is stored with a credential. */
  readonly name: string;
  obtain(credential: StoredCredential, options: { signal: AbortSignal }): Promise<Obtained>;
};

/** The credential is exchanged at a token endpoint for what the mail server accepts for a while. */
export type ExchangeFlow = {
  readonly name: string;
  /** @throws OperationalError `binding.unproven` before anything is asked or handed out that the binding does not cover */
  plan(credential: StoredCredential): ExchangePlan;
};

export type ExchangePlan = {
  /** As whom the mail server is signed in to. */
  readonly user: string;
  /** The provider app it is done with; null: the credential is enough. */
  readonly app: string | null;
  /** Names what else gets the same token, such as a directory; null: this credential alone. */
  readonly sharedBy: string | null;
  /**
   * One question to one token endpoint. Takes no signal on purpose: once it has left, its answer may be the only copy of
   * a rotated secret. Bounded by the time an answer may take.
   *
   * @throws OperationalError `login.refused`, `login.suspect`, `consent.missing`, `provider-app.refused`,
   *   `provider.unavailable`, `provider.throttled`
   */
  exchange(app: ProviderAppMaterial | null): Promise<Exchanged>;
};

export type Exchanged = {
  readonly token: Secret;
  readonly expiresAt: Date;
  /** The material that takes the old one's place from now on; null: the old one goes on. */
  readonly rotated: unknown;
};

export type FlowDefinition<Material extends z.ZodType> = {
  readonly name: string;
  readonly material: Material;
  readonly obtain: (material: z.output<Material>, options: { signal: AbortSignal }) => Promise<Obtained>;
};

/** A flow from its schema and what it makes of it. Material is checked here; faults are told by path and rule, never by value. */
export function defineFlow<Material extends z.ZodType>({
  name,
  material,
  obtain,
}: FlowDefinition<Material>): DirectFlow {
  return {
    name,
    obtain: (credential, options) => obtain(readMaterial(material, credential), options),
  };
}

export type ExchangeFlowDefinition<Material extends z.ZodType> = {
  readonly name: string;
  readonly material: Material;
  readonly plan: (material: z.output<Material>, binding: Binding | null) => ExchangePlan;
};

export function defineExchangeFlow<Material extends z.ZodType>({
  name,
  material,
  plan,
}: ExchangeFlowDefinition<Material>): ExchangeFlow {
  return { name, plan: (credential) => plan(readMaterial(material, credential), credential.binding) };
}

/** @throws OperationalError `provider-app.missing` when a credential names an app of another kind */
export function requireKind<Kind extends ProviderAppMaterial["kind"]>(
  app: ProviderAppMaterial | null,
  kinds: readonly Kind[],
): Extract<ProviderAppMaterial, { kind: Kind }> {
  if (app !== null && (kinds as readonly string[]).includes(app.kind)) {
    return app as Extract<ProviderAppMaterial, { kind: Kind }>;
  }
  const message = `the credential's provider app is not of the kind it needs: ${kinds.join(", ")}`;
  throw new OperationalError("provider-app.missing", message);
}

function readMaterial<Material extends z.ZodType>(schema: Material, credential: StoredCredential): z.output<Material> {
  const { credentialId, version, flow, material } = credential;
  try {
    return parseAtEdge(schema, material, `credential ${credentialId}, version ${version}, flow ${flow}`);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    throw new OperationalError("credential.unreadable", `${error.message}; provide the credential again`);
  }
}
