"""Tokens and keys that services mark by a prefix: one row a form, from which the pattern is made, and an example for the tests.

The forms are facts that the services publish for scanners of secrets, as GitHub's secret scanning and gitleaks list them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

ALPHABETS = {
    "A": ("A-Za-z0-9", "aB3dE6gH9k"),
    "H": ("0-9a-f", "0a1b2c3d4e5f6789"),
    "X": ("0-9A-Fa-f", "0a1B2c3D4e5F6789"),
    "U": ("A-Z0-9", "A1B2C3D4E5"),
    "L": ("a-z0-9", "a1b2c3d4e5"),
    "N": ("0-9", "1928374650"),
    "W": ("A-Za-z0-9_-", "aB3-dE6_gH9k"),
    "B": ("A-Za-z0-9+/=", "aB3dE6gH9k+/"),
    "D": ("A-Za-z0-9_.=-", "aB3dE6.gH9_k"),
}
"""Letter to the characters that it stands for, and some of them in a row."""
PIECE = re.compile(r"\{([A-Z]):(\d+)(?:-(\d+))?\}")

FORMS = (
    ("a 1Password token", "ops_eyJ{B:250-2000}"), ("an Adafruit key", "aio_{A:28}"), ("an age key", "AGE-SECRET-KEY-1{U:58}"), ("an Airtable token", "pat{A:14}.{H:64}"),
    ("an Alibaba key", "LTAI{A:20}"), ("an Artifactory key", "AKCp{A:69}"), ("an Artifactory token", "cmVmdGtu{A:56}"), ("an Atlassian token", "ATATT3{D:186}"), ("a Bitbucket token", "ATBB{D:32}"),
    ("a Buildkite token", "bkua_{L:40}"), ("a Cerebras key", "csk-{L:48}"), ("a CircleCI token", "CCIPAT_{A:22}_{H:40}"), ("a ClickHouse key", "4b1d{A:38}"),
    ("a Clojars token", "CLOJARS_{L:60}"), ("a Cloudflare key", "v1.0-{H:24}-{H:146}"), ("a Databricks token", "dapi{H:32}"), ("a DigitalOcean token", "dop_v1_{H:64}"), ("a DigitalOcean token", "doo_v1_{H:64}"),
    ("a DigitalOcean token", "dor_v1_{H:64}"), ("a Docker Hub token", "dckr_pat_{W:27}"), ("a Docker Hub token", "dckr_oat_{W:32}"), ("a Doppler token", "dp.pt.{A:43}"), ("a Doppler token", "dp.st.{A:40-80}"),
    ("a Dropbox token", "sl.{W:130-400}"), ("a Duffel token", "duffel_live_{W:43}"), ("a Dynatrace token", "dt0c01.{U:24}.{U:64}"), ("an E2B key", "e2b_{H:40}"), ("an EasyPost key", "EZAK{A:54}"),
    ("an ElevenLabs key", "sk_{H:48}"), ("a Facebook token", "EAAB{A:96-400}"), ("a Facebook token", "EAAC{A:96-400}"), ("a Facebook token", "EAAM{A:96-400}"), ("a Figma token", "figd_{W:40}"), ("a Firecrawl key", "fc-{H:32}"), ("a Fireworks key", "fw_{A:22-40}"), ("a Fly.io token", "fo1_{W:43}"),
    ("a Fly.io token", "fm2_{B:100-600}"), ("a Frame.io token", "fio-u-{D:64}"), ("a Grafana token", "glc_{B:32-400}"), ("a Grafana token", "glsa_{A:32}_{X:8}"), ("a Groq key", "gsk_{A:40-80}"),
    ("a Heroku key", "HRKU-AA{W:58}"), ("a Honeycomb key", "hcaik_{A:58}"), ("a HubSpot token", "pat-na1-{H:8}-{H:4}-{H:4}-{H:4}-{H:12}"), ("an Infracost key", "ico-{A:32}"), ("a Jina key", "jina_{A:60}"),
    ("a Kaggle token", "KGAT_{H:32}"), ("a LangSmith key", "lsv2_pt_{H:32}_{H:10}"), ("a LangSmith key", "lsv2_sk_{H:32}_{H:10}"), ("a LangSmith key", "ls__{H:32}"), ("a Mailgun key", "key-{H:32}"), ("an Octopus key", "API-{U:26}"), ("a Razorpay key", "rzp_live_{A:14}"), ("a Flutterwave key", "FLWSECK-{H:32}-X"),
    ("a Twilio key", "SK{H:32}"), ("a Voyage key", "pa-{W:43}"), ("a LaunchDarkly key", "sdk-{H:8}-{H:4}-{H:4}-{H:4}-{H:12}"), ("a Lambda Cloud key", "secret_{W:1-40}_{H:32}.{A:32}"), ("a Linear key", "lin_api_{A:40}"),
    ("a LlamaCloud key", "llx-{A:48}"), ("a Mapbox token", "sk.eyJ{W:20-200}.{W:20-40}"), ("a Netlify token", "nfp_{A:36}"), ("a Neon key", "napi_{L:64}"), ("a Neptune token", "eyJhcGlfYWRkcmVzcyI6{B:40-400}"),
    ("a New Relic key", "NRAK-{U:27}"), ("a New Relic key", "NRII-{W:32}"), ("a Notion token", "ntn_{N:11}{A:35}"), ("a Notion token", "secret_{A:43}"), ("an npm token", "npm_{A:36}"), ("a NuGet key", "oy2{L:43}"), ("an NVIDIA key", "nvapi-{W:50-100}"),
    ("an OpenShift token", "sha256~{W:43}"), ("a Perplexity key", "pplx-{A:40-80}"), ("a Pinecone key", "pcsk_{W:60-90}"), ("a PlanetScale token", "pscale_tkn_{D:32-64}"), ("a PlanetScale password", "pscale_pw_{D:32-64}"),
    ("a PostHog key", "phx_{A:40-60}"), ("a Postman key", "PMAK-{H:24}-{H:34}"), ("a Prefect key", "pnu_{A:36}"), ("a Pulumi token", "pul-{H:40}"), ("a PyPI token", "pypi-Ag{W:50-400}"), ("a ReadMe key", "rdme_{L:70}"),
    ("a Render key", "rnd_{A:28-40}"), ("a Replicate token", "r8_{A:37}"), ("a Resend key", "re_{A:8}_{A:24}"), ("a RubyGems key", "rubygems_{H:48}"), ("a RunPod key", "rpa_{U:30-60}"), ("a Scaleway key", "SCW{U:17}"), ("a Scalingo token", "tk-us-{W:48}"),
    ("a SendGrid key", "SG.{W:22}.{W:43}"), ("a Sendinblue key", "xkeysib-{H:64}-{A:16}"), ("a Sentry token", "sntryu_{H:64}"), ("a Sentry token", "sntrys_eyJ{B:80-400}"), ("a Shippo token", "shippo_live_{H:40}"),
    ("a Shopify token", "shpat_{X:32}"), ("a Shopify token", "shpca_{X:32}"), ("a Shopify token", "shppa_{X:32}"), ("a Shopify secret", "shpss_{X:32}"), ("a SonarQube token", "sqp_{H:40}"), ("a SonarQube token", "squ_{H:40}"),
    ("a Sourcegraph token", "sgp_{X:16}_{X:40}"), ("a Sourcegraph token", "sgp_local_{X:40}"), ("a Square token", "sq0atp-{W:22}"), ("a Square secret", "sq0csp-{W:43}"), ("a Stripe key", "sk_live_{A:20-200}"), ("a Stripe key", "rk_live_{A:20-200}"),
    ("a Stripe secret", "whsec_{A:32-80}"), ("a Supabase token", "sbp_{H:40}"), ("a Supabase key", "sb_secret_{W:31-40}"), ("a Tailscale key", "tskey-auth-{A:10-30}-{A:20-60}"), ("a Tailscale key", "tskey-api-{A:10-30}-{A:20-60}"),
    ("a Tavily key", "tvly-{W:32-45}"), ("a Together key", "tgp_v1_{W:43}"), ("a Typeform token", "tfp_{D:59}"), ("a Vault token", "hvs.{W:90-400}"), ("a Vault token", "hvb.{W:138-400}"), ("an xAI key", "xai-{A:60-100}"), ("a Yandex key", "AQVN{W:35-40}"),
)  # fmt: skip
"""(kind, form): what stands in braces is a letter of ALPHABETS and how many of its characters there are."""


class Service(NamedTuple):
    """One form."""

    kind: str
    mark: str
    """What it begins with."""
    pattern: re.Pattern[str]
    example: str


def _service(kind: str, form: str) -> Service:
    pattern, example, at = "", "", 0
    for match in PIECE.finditer(form):
        between, (letter, least, most) = form[at : match.start()], match.groups()
        characters, some = ALPHABETS[letter]
        pattern += f"{re.escape(between)}[{characters}]{{{least}{',' + most if most else ''}}}"
        example += between + (some * (int(least) // len(some) + 1))[: int(least)]
        at = match.end()
    return Service(
        kind, form[: form.index("{")], re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9_])"), example
    )


SERVICES = tuple(_service(kind, form) for kind, form in FORMS)
