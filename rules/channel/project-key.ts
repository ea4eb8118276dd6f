// The public key that the SpamAssassin project signs its updates with, in its smallest form, and the fingerprints of it
// that count. Data only; settings may name another keyring and other fingerprints.

/** The channel whose key is known here. */
export const PROJECT_CHANNEL = 'updates.spamassassin.org';

/** Main key and signing key. */
export const PROJECT_FINGERPRINTS: readonly string[] = [
  '5E541DC959CB8BAC7C78DFDC4056A61A5244EC45',
  '0C2B1D7175B852C64B3CDC716C55397824F434CE',
];

/** The key as OpenPGP packets (RFC 4880). */
export const PROJECT_KEYRING: Buffer = Buffer.from(
  [
    'mQILBEOnbDQBEADBfda+hU8cGXD/2WYrIHsZ5CmvC2eCYKgQ87W706tzwmxoZWQSJfnRpkZnBqS5WDhXhNBOhk9CgF5/e9yHnDQC',
    'usNYfRstKd+t0XTFvq30/tacrJNe67zgq+DtWqIK9C7akfElc+2M5NkX6mF4cjaMXZoW17ltPy0XSSeirf584nvK3pXfoEFLYQ/0',
    'AUV9EBpo9+i2DkMUd8d5tz7A6O5foB3ijYPzIcVtVJ1eyCg6gO1I4cIAYbIZCH0WIVx5MQjydfKyCR4D7VFPpZgwcZ1PmyZSsy3l',
    'rigGVvYEoUS2fWTt2jUOpB3wg5pgzuu9hN5CpChZGvq65t4PGtAeShnBkddIH4l+iDC6sAc6W06KidSaUCW1BKvNMa39lyEkO4bf',
    'LblZRjoZbj7Tjq3wQV/PLpPyKDa8ZZ88GfWaeRDUNRgZG6Qqe6UKlFGfrw2RXOImUje7Sjy/eG4Ud/BOeGkV913yWBm9CHsPNtaV',
    'DK+iQI6vkAWS3QkiPjBkXGTZFHsUx9/i3k5Iga6d4Gq2cBIVBur3sDxjKuuSazLwA9OAybpzQe2sPvTzbGc/f1P7plT++HBFlBHw',
    'Ftl/v68Q8pkbMWlEc5M9nYJ6yXHATHZzFfThxBwtOYfF25XGaclUMkOMX++RiRkmjaEaT7Whv5aPbeb3+H3v6Omjvnebge24lQAG',
    'KbQ/dXBkYXRlcy5zcGFtYXNzYXNzaW4ub3JnIFNpZ25pbmcgS2V5IDxyZWxlYXNlQHNwYW1hc3Nhc3Npbi5vcmc+iQI2BBMBAgAg',
    'BQJDp2w0AhsDBgsJCAcDAgQVAggDBBYCAwECHgECF4AACgkQQFamGlJE7EVkfg//ZjBQ6UXDizX9UPsEmogWXIqbBsyP5DJHuToa',
    'Fa6OzCbOJqcYnXNfOjovYdDOTje+x3ZEkwbx+y6MSfhmDuHPDPqBU7hXenxxoRktC68mJasKo0wXym2YfyWFnhSZMlXXFQ9We48z',
    'NGcVRckzaxLzM67BFJuRUfOMEV6Lf3HxMvoUK3/Xzq9YPEq2sqFO1Eu+qPC3nq726Tj/aYBBFHgHmbjDrZTaQNyVfHvEjDzPcDRj',
    'lJI+vZw1UEuXG+BKATPpiT7U7I1OGLDa2ExDIxh0+eJnsmA3YyHGVweE7nDN2GmkXMVfa5vXHH49Ae9Ee8jIIRipfgMgZWnkZ0XY',
    'DvLj2ueH0Ixu4o9RD2zJIwqzRh1sytG+1YOfHrOMUCplImJaY/ARgOM324ZdBvhkgIi1XvT7Sy/ZmGWdDKFo+GjX0r2cujR8Pd4i',
    '7VlKsF9wRypk+n/aupXiaz5GY44EIVbnweyS5IlCNrwn4UtqcB9/9uk1tmUNIcC5xjbq5ud/Y+iMIqCKCH0C9WUwSNSdsg+K+9xo',
    'ZuvlaXY0JeXWNcDdq+tMir+x+/o0U4ENVYBkSFesnotmHwN6jZj4lSMRmvcFHPBljXqLqzM+y5wZxnCo1N7T+erZaI7BUrpJYm8J',
    'xcJ2VCWV0JFoO1Ec//B6XYB0pckbRuSTX/ZwpKEkNqOdmjm5AgsEQ6dsigEQAKvdggbwqJgfDbRE2Lcy2gsn4j7haqu3IVBbyUDn',
    'kGuuDuEtSeoRjCZXEb5DaKibIpEy5vzvRGvCFFkrBs4KXk/uamkgCpGnQZFnoz/SrNZ8U7+e1pecEePpIkhQyafUKox9+p43UVoq',
    '4UybdPRDvE9SmQ1qaNUhyQY2FP9SWT1a63u5GA73aH4puGO0BuZ9R3MNaDYZe/MOlRRjmlAsbY4oqWOudlNVaZ71EV3OFFmOH4pn',
    'pxdO0X0l6sF6nvqvO5/gdZ3dI5iqrJjUneVgVOmPkREq7tQ5qHS/2pnyrDrH8NZCDNT5TXciBxBrt53bxxL/V/HWaolmtJi8gK82',
    'uXt8YlmT6zuEsofufDmuP/HMDZ+BhGI+ggNzY2AVwERTRD6ecHDOI3iIuCP4Ck26YNHRCLyocL3CSlIpjQPutb3qfdAcqKLJ/fVy',
    'LtGkXr24crel6IeJY7/AGjYBrfh47DWnK7Xds8bAqJ8VCjOc/q1usFTHgGkYocvtv0gmcjbu8YypzuG8HxOg9Yk9qRLQgg1fNhzX',
    'E2lqEPyMlBfjeLmMNRvKP70fH8CK8adinPIegaRrS6gZ/iIdv8+YV+1rlEt28qzzGJxnmzUEmW6XXj44u91umg9WOsLxTOCQWdjG',
    'HonytHqj/xIsf45N2JIGLhU0lF04hYfEo5p65AyMPpYhAAYpiQQ+BBgBAgAJAhsCBQJHhbheAinBXSAEGQECAAYFAkOnbIoACgkQ',
    'bFU5eCT0NM68MQ/8DvYqxRm3vP0Gwnr+63kzET8S+6vfgxOghnU+eMlqUeUu/ajqnVDMzoAIRDw9QgQc9ZZoklOSJQwOuloAbdpL',
    '4TwQ2XfJMLU60JkZWnEOXJwClb0qG1GqtcBPbMEUPfZcQfphdRL3jpWZlaexFiJRSD+A0riw7q3NZKPDt4FrF7F3GY9krFy+P0nR',
    't5f462DeDhCYZgguBQH+oGtjc5Hx+kOVWDsStxo5xkt4/0DG50ZklPkTlCohmJwRLACy+NswdQ9q83eWAhzKOPgkal7xF6a+LyE+',
    'ytVYy2EgEU74r2gVw5iizy92FDj//Z2QAUyf/c4BMuAhvfwVIHd8n2DPHvpMP15L6fwoymh0OjzmhwK94Z2u1YqNC1CK27/hfB6o',
    'kQ/Tct7/Ik61dBjtiYdUC9tTA5ZeW8X5ouSmttS1QFixx+Z4hiXV7Qj12lgVKuJohjrVshfcbVzTHljjAo3YkOZIHIoAIJTUMRNz',
    'TIx9k4hrPVbxbVQhKjKTwFNtBuxvmptGTcLEIv9THpqlq8jkcStJ2ZrdhhofPCWRT/Kzo+WE+Kgefv88T5Li7Ku12U/UpiK85+6n',
    'RspXj3rnkfDOUbLZjGM+1NET0xQTPuyxN6CXF7MMxfGCpszCudYxMANDQqNXu9brcPN/+EIxGRjqin4E7q+hkYUaY7Ki8mXtJ8cJ',
    'EEBWphpSROxFktcQALWQv996bFq1iFcGuQ0ITxNDlOWCssesbgEM5zR10DH+6s2bXEO8xyDHQJtrvdCPetRDosnuOToBMnGMXTYV',
    'ytnWzwwAzwq1YM+bGAeTHaIX+2UmxwFyX4GMOdqsNB+xDZ8pmRKjamJSgUQt6e18YpZlg1Y4QkxSVptq7OZBjiKeLUhLhGJ6GWgE',
    'IedLcoCtFzKCfz3zwn0Oxl+1EnVu8yqN+quWTf8P7EZn+0ztqZY059BrcK2jmOyXvtOZBcAHXCUknh/uPHwAJV2WFWSNid2kNiLO',
    'rV+J3eLTs5sF9wNhxWRhl6/10cwTzjy0Onv5cJh2tjdwksigMRMwz4c839zXORni/tnY+IY22kNTKu84gB8rBuqUq8MQXNdS3bbR',
    'OwwNUzpC0D1C1z1fBvyXDL1EwJdz70Wc2m/Sw6tIid5g98+XMW+Ibt43Jk2XbK71JLhbVbePbAcHVh/UXEtnjhRfX7oyWlwSa+lk',
    'KMiJd/6CQ6bvYsgklE7uEzTpRskpkkOcCk1O+8jfl+DsDwKrvVaNu8tpx45kTtV4JDA6iEHKakD/zZdVTR79W2CFqBvRfRikc5IN',
    'Ol1OfMQ4ODmjkMl3yI9wrHwSSQQxdq2XsS7xbU9HDFBEguQDu0rfzILZ9DuKIVHyr/CsRoJ5joj+JvKaUQC81ywQaB8EKy5bg4U6',
  ].join(''),
  'base64',
);
