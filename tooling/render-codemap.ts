import { layers, type Member } from "./workspace.ts";

const begin = "<!-- codemap:begin -->";
const end = "<!-- codemap:end -->";

/** The table of all members, by layer from the processes down, then by folder. */
export function renderCodemap(members: readonly Member[]): string {
  const rows = layers.flatMap((layer) =>
    members
      .filter(({ tags }) => tags.includes(layer))
      .map(({ folder, manifest }) => `| \`${folder}\` | ${layer} | ${escaped(manifest.description ?? "")} |`),
  );
  return ["| folder | layer | what it is |", "|---|---|---|", ...rows].join("\n");
}

/** The document with the table between its markers; everything around them stays as it is. */
export function placeCodemap(document: string, table: string): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from === -1 || to < from)
    throw new Error(`it has no ${begin} followed by ${end}; put both where the table belongs`);
  return `${document.slice(0, from + begin.length)}\n${table}\n${document.slice(to)}`;
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
