import { Secret } from "@mailfleet/domain";
import { type DirectFlow, defineFlow } from "../token-flow.ts";
import { PasswordMaterial } from "./password-material.ts";

/** The mailbox's own user name and password, or an app password: handed out as they are, with nobody to ask. */
export function createPasswordFlow(): DirectFlow {
  return defineFlow({
    name: "password",
    material: PasswordMaterial,
    obtain: async ({ user, password }) => ({ login: { kind: "password", user, password: Secret.of(password) } }),
  });
}
