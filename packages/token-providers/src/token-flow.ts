import { type Login, OperationalError, parseAtEdge } from "@mailfleet/domain";
import type { z } from "zod";
import type { StoredCredential } from "./credential-reader.ts";

/** What an exchange gave. An object, so that a flow whose provider replaces the secret has a place to say so. */
export type Obtained = { readonly login: Login };

/**
 * The part that differs between flows: one exchange, from the credential to a login. It keeps no state; reading the
 * credential, checking grants and whatever is remembered between calls is written once, around it.
 *
 * @throws OperationalError `credential.unreadable` for material that is not what the flow needs
 * @throws OperationalError `login.refused`, `provider.unavailable`, `provider.throttled`
 */
export type TokenFlow = {
  /** As it is stored with a credential. */
  readonly name: string;
  obtain(credential: StoredCredential, options: { signal: AbortSignal }): Promise<Obtained>;
};

export type FlowDefinition<Material extends z.ZodType> = {
  readonly name: string;
  readonly material: Material;
  readonly obtain: (material: z.output<Material>, options: { signal: AbortSignal }) => Promise<Obtained>;
};

/** A flow from its schema and its exchange. Material is checked here; faults are told by path and rule, never by value. */
export function defineFlow<Material extends z.ZodType>({
  name,
  material,
  obtain,
}: FlowDefinition<Material>): TokenFlow {
  return {
    name,
    obtain: (credential, options) => obtain(readMaterial(material, credential), options),
  };
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
