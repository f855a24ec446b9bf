/** Microsoft's clouds. Each has its own app registrations; a directory lies in exactly one. */

export const microsoftCloudNames = ["global", "gcc-high", "dod", "china"] as const;
export type MicrosoftCloudName = (typeof microsoftCloudNames)[number];

export type MicrosoftCloud = {
  readonly loginHost: string;
  /** What an app asks for in its own name: `<resource>/.default`. */
  readonly appResource: string;
  /** What it asks for in a user's name. */
  readonly delegatedResource: string;
};

export type MicrosoftClouds = Readonly<Record<MicrosoftCloudName, MicrosoftCloud>>;

const sameResource = (resource: string) => ({ appResource: resource, delegatedResource: resource });

/** Token endpoints come from here alone: what a tenant writes never decides where a secret goes. */
export const microsoftClouds: MicrosoftClouds = {
  global: {
    loginHost: "login.microsoftonline.com",
    appResource: "https://outlook.office365.com",
    delegatedResource: "https://outlook.office.com",
  },
  "gcc-high": { loginHost: "login.microsoftonline.us", ...sameResource("https://outlook.office365.us") },
  dod: { loginHost: "login.microsoftonline.us", ...sameResource("https://outlook.office365.us") },
  china: { loginHost: "login.partner.microsoftonline.cn", ...sameResource("https://partner.outlook.cn") },
};

/** `directory` is an id, or one of Microsoft's words for many directories. */
export function microsoftTokenEndpoint({ loginHost }: MicrosoftCloud, directory: string): string {
  return `https://${loginHost}/${directory}/oauth2/v2.0/token`;
}
