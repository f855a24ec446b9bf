import type { KeyManagement } from "@mailfleet/domain";
import { createLocalKeyManagement } from "./local-key-file/create-local-key-management.ts";
import { withOtherKeys } from "./with-other-keys.ts";

/** Exactly one wrapping key: a local file, or AWS KMS. `alsoKeyFiles` are only unwrapped with, while keys are moved. */
export type KeyManagementChoice = { readonly alsoKeyFiles?: readonly string[] | undefined } & (
  | { readonly kind: "local-key-file"; readonly keyFile: string }
  | {
      readonly kind: "aws-kms";
      readonly keyId: string;
      readonly region: string;
      readonly endpoint?: string | undefined;
    }
);

/** The AWS SDK is heavy, so it is loaded by those alone who use it. */
export async function openKeyManagement(choice: KeyManagementChoice): Promise<KeyManagement> {
  const { alsoKeyFiles = [] } = choice;
  const others = alsoKeyFiles.map((keyFile) => createLocalKeyManagement({ keyFile }));
  return withOtherKeys(await openOne(choice), await Promise.all(others));
}

async function openOne(choice: KeyManagementChoice): Promise<KeyManagement> {
  if (choice.kind === "local-key-file") return createLocalKeyManagement({ keyFile: choice.keyFile });
  const { createAwsKeyManagement } = await import("./aws-kms/index.ts");
  const { keyId, region, endpoint } = choice;
  return createAwsKeyManagement({ keyId, region, ...(endpoint === undefined ? {} : { endpoint }) });
}
