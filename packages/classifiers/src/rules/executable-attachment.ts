/** What a double click would run, on some system or other; the lists of Gmail and Outlook, and disk images that carry them. */
const runnable = new Set(
  (
    "ade adp apk app appx appxbundle bat cab chm cmd com cpl dll dmg ex_ exe gadget hta img ins iso isp jar js jse lib lnk mde " +
    "msc msi msix msp mst nsh pif ps1 ps1xml ps2 psc1 psd1 psm1 reg scf scr sct sh shb sys url vb vbe vbs vhd vhdx vxd ws wsc " +
    "wsf wsh xll xlsm docm pptm dotm xltm xlam ppam command desktop"
  ).split(" "),
);
const runnableTypes = new Set([
  ...["application/x-msdownload", "application/x-msdos-program", "application/x-executable", "application/x-sh"],
  ...["application/java-archive", "application/x-ms-installer", "application/hta", "application/x-bat"],
  ...["application/vnd.microsoft.portable-executable", "application/x-apple-diskimage", "text/vbscript"],
]);

/** By its name as a system would read it: what comes after the last dot, with blanks, dots and hidden characters gone. */
export function isExecutable(filename: string | null, contentType: string): boolean {
  if (runnableTypes.has(contentType.toLowerCase())) return true;
  if (filename === null) return false;
  const name = filename.replace(/[\p{Cf}\p{Cc}]/gu, "").replace(/[.\s]+$/u, "");
  const dot = name.lastIndexOf(".");
  return dot >= 0 && runnable.has(name.slice(dot + 1).toLowerCase());
}
