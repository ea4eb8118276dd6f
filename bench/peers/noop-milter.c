/* A milter that does nothing, on libmilter: the mark Weir's own milter is measured against. It takes every event.
 * Usage: noop-milter CONNECTION silent|replies     e.g. noop-milter unix:/tmp/noop.sock silent
 * Build: cc -O2 -o noop-milter noop-milter.c -lmilter -lpthread */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static unsigned long wanted_protocol;

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2, unsigned long f3,
                             unsigned long *pf0, unsigned long *pf1, unsigned long *pf2, unsigned long *pf3) {
  (void)ctx, (void)f2, (void)f3;
  *pf0 = f0;
  *pf1 = wanted_protocol & f1;
  *pf2 = 0;
  *pf3 = 0;
  return SMFIS_CONTINUE;
}

/* What is not answered must not be answered. */
static sfsistat go_on(unsigned long silent_bit) {
  return (wanted_protocol & silent_bit) ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr) {
  (void)ctx, (void)host, (void)addr;
  return go_on(SMFIP_NR_CONN);
}
static sfsistat on_helo(SMFICTX *ctx, char *name) {
  (void)ctx, (void)name;
  return go_on(SMFIP_NR_HELO);
}
static sfsistat on_mail(SMFICTX *ctx, char **argv) {
  (void)ctx, (void)argv;
  return go_on(SMFIP_NR_MAIL);
}
static sfsistat on_rcpt(SMFICTX *ctx, char **argv) {
  (void)ctx, (void)argv;
  return go_on(SMFIP_NR_RCPT);
}
static sfsistat on_data(SMFICTX *ctx) {
  (void)ctx;
  return go_on(SMFIP_NR_DATA);
}
static sfsistat on_header(SMFICTX *ctx, char *name, char *value) {
  (void)ctx, (void)name, (void)value;
  return go_on(SMFIP_NR_HDR);
}
static sfsistat on_eoh(SMFICTX *ctx) {
  (void)ctx;
  return go_on(SMFIP_NR_EOH);
}
static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t length) {
  (void)ctx, (void)bytes, (void)length;
  return go_on(SMFIP_NR_BODY);
}
static sfsistat on_end(SMFICTX *ctx) {
  (void)ctx;
  return SMFIS_ACCEPT;
}
static sfsistat on_abort(SMFICTX *ctx) {
  (void)ctx;
  return SMFIS_CONTINUE;
}
static sfsistat on_unknown(SMFICTX *ctx, const char *line) {
  (void)ctx, (void)line;
  return go_on(SMFIP_NR_UNKN);
}

int main(int argc, char **argv) {
  struct smfiDesc filter;
  if (argc != 3) return 64;
  wanted_protocol = SMFIP_HDR_LEADSPC;
  if (strcmp(argv[2], "silent") == 0)
    wanted_protocol |= SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NR_HDR |
                       SMFIP_NR_EOH | SMFIP_NR_BODY | SMFIP_NR_UNKN;
  memset(&filter, 0, sizeof filter);
  filter.xxfi_name = "noop";
  filter.xxfi_version = SMFI_VERSION;
  filter.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY | SMFIF_ADDRCPT | SMFIF_DELRCPT;
  filter.xxfi_negotiate = on_negotiate;
  filter.xxfi_connect = on_connect;
  filter.xxfi_helo = on_helo;
  filter.xxfi_envfrom = on_mail;
  filter.xxfi_envrcpt = on_rcpt;
  filter.xxfi_data = on_data;
  filter.xxfi_header = on_header;
  filter.xxfi_eoh = on_eoh;
  filter.xxfi_body = on_body;
  filter.xxfi_eom = on_end;
  filter.xxfi_abort = on_abort;
  filter.xxfi_unknown = on_unknown;
  umask(0);
  if (smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS || smfi_opensocket(1) != MI_SUCCESS)
    return 69;
  return smfi_main() == MI_SUCCESS ? 0 : 70;
}
