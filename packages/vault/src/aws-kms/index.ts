/** Data keys wrapped by AWS KMS. Apart from the package's main entry, so that only who uses it loads the SDK. */

export type { AwsKeyManagement, AwsKeyManagementOptions } from "./create-aws-key-management.ts";
export { createAwsKeyManagement } from "./create-aws-key-management.ts";
