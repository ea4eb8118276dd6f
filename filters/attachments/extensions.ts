// File name extensions, in the lists the attachment stage starts from. Data only.

/**
 * Programs, scripts, shortcuts and disk images that a double click runs or mounts: what large providers refuse. Scripts
 * of Unix (sh, py, pl) are absent: no desktop runs them from a mail, and lists of developers live on them. So is `mat`,
 * which is MATLAB's data.
 */
export const REFUSED_EXTENSIONS: readonly string[] = words(`
  ade adp apk application appref-ms appx appxbundle asd bas bat cab chm cmd com cpl crx desktop diagcab diagcfg diagpkg dll dmg
  drv elf ex ex_ exe gadget grp hlp hpj hta img inf ins inx iso isp isu jar jnlp job jse js lib library-ms lnk mad maf mag
  mam maq mar mas mau mav maw mcf mda mdb mde mdt mdw mdz mjs msc msh msh1 msh1xml msh2 msh2xml mshxml msi msix msixbundle
  msp mst msu ndk nsh ocx ops osd paf pcd pif pkg plg prf prg ps1 ps1xml ps2 ps2xml psc1 psc2 psd1 psm1 psdm1 reg rgs run scf
  scr sct search-ms searchconnector-ms settingcontent-ms shb shs slk sys theme themepack url vb vbe vbp vbs vbscript vhd vhdx
  vsmacros vxd wcx webpnp website ws wsb wsc wsf wsh xbap xll xnk xpi
`);

/** Office files whose format exists to carry macros, and add-ins. */
export const MACRO_EXTENSIONS: readonly string[] = words(`
  docm dotm xlsm xltm xlam xlsb xla xlm pptm potm ppam ppsm ppa sldm accda accde accdr mdn wll wwl
`);

/** What a reader takes for a harmless document: lures in `invoice.pdf.exe`. */
export const DOCUMENT_EXTENSIONS: ReadonlySet<string> = new Set(
  words(`
  pdf doc docx rtf odt txt csv xls xlsx ods ppt pptx odp pps jpg jpeg png gif bmp tif tiff webp heic svg mp3 wav mp4 avi mov mpg
  mpeg m4a htm html eml msg log xml json ics vcf zip rar 7z dat
`),
);

/** Pages that run script in a browser: not refused, but a document's name before them is a lure. */
export const PAGE_EXTENSIONS: ReadonlySet<string> = new Set(words('htm html shtml xhtml xht mht mhtml svg'));

/** Words of a text as a list. */
function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
