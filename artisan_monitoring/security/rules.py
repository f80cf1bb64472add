"""The patterns of known attacks, each with the event it makes and a score as in the OWASP Core Rule Set (5, 4, 3, 2).

They look at structure in context, not at single words, and are linear: no nested quantifiers, every span bounded, since
`re` cannot be stopped. All match lower-cased, decoded text of at most 2 KiB. They observe; they are no firewall.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from ..core.patterns import lazily

PATH, PARAMETER, AGENT = "path", "parameter", "agent"

SQLI = "malicious_sqli"
XSS = "malicious_xss"
LFI = "malicious_lfi"
RCE = "malicious_rce"
SSTI = "malicious_ssti"
SSRF = "malicious_ssrf"
ORM = "malicious_orm_lookup"
TOOL = "malicious_attack_tool"
HONEY = "malicious_honeypath"
EXTRANEOUS = "malicious_extraneous"


class Rule(NamedTuple):
    """One pattern: `needs` are characters or words of which at least one must be there before the pattern is tried."""

    id: str
    event: str
    score: int
    source: str
    needs: tuple[str, ...]
    targets: frozenset[str]

    @property
    def pattern(self) -> re.Pattern[str]:
        """The pattern, compiled when it is first tried: all of them would take 6 ms of the start of every process."""
        return _compiled(self.source)


_compiled = cache(re.compile)


_COMMANDS = (
    r"(?:cat|ls|id|whoami|uname|wget|curl|nc|ncat|bash|sh|zsh|powershell|cmd(?:\.exe)?|ping|nslookup|python3?|perl|php"
    r"|chmod|rm)"
)
_EVERYWHERE = (PATH, PARAMETER)


def _rule(name: str, event: str, score: int, pattern: str, needs: str, targets: tuple[str, ...] = _EVERYWHERE) -> Rule:
    return Rule(name, event, score, pattern, tuple(needs.split()), frozenset(targets))


RULES: tuple[Rule, ...] = (
    _rule(
        "sqli.tautology", SQLI, 5,
        r"""['"`)]\s{0,9}(?:or|and|\|\||&&|xor)[\s(]{1,9}['"]{0,2}\w{0,20}['"]{0,2}\s{0,9}(?:=|<|>|like\b|is\b|in\s{0,9}\()""",
        "' \" ` )",
    ),
    _rule("sqli.equal_numbers", SQLI, 5, r"\b(?:or|and)[\s(]{1,9}(\d{1,9})\s{0,9}=\s{0,9}\1\b", "="),
    _rule(
        "sqli.union", SQLI, 5,
        r"\bunion\s{1,9}(?:all\s{1,9}|distinct\s{1,9})?\(?\s{0,9}select\s{1,9}"
        r"""(?:null\b|\d|@|\*|['"(]|[\w.]{1,40}\s{0,9},|[\w.*]{1,40}\s{1,9}from\b|[\w.]{1,40}\()""",
        "union",
    ),
    _rule(
        "sqli.stacked", SQLI, 5,
        r"(?:;|')\s{0,9}(?:(?:drop|alter|truncate|create)\s{1,9}(?:table|database|schema|user|role|view)\s"
        r"|insert\s{1,9}into\s|delete\s{1,9}from\s|update\s{1,9}[\w.]{1,40}\s{1,9}set\s|exec(?:ute)?[\s(])",
        "; '",
    ),
    _rule(
        "sqli.delay", SQLI, 5,
        r"""\b(?:pg_sleep|sleep|benchmark|dbms_lock\.sleep|receive_message)\s{0,9}\(\s{0,9}['"\d(]"""
        r"""|\bwaitfor\s{1,9}delay\s{1,9}['"]""",
        "sleep benchmark waitfor receive_message",
    ),
    _rule(
        "sqli.catalogue", SQLI, 4,
        r"\b(?:information_schema|pg_catalog|pg_shadow|sysobjects|sqlite_master|all_tables)\b|\bxp_cmdshell\b",
        "information_schema pg_ sysobjects sqlite_master all_tables xp_cmdshell",
    ),
    _rule(
        "sqli.function", SQLI, 4,
        r"\b(?:extractvalue|updatexml|load_file|group_concat|utl_http\.request)\s{0,9}\(|\binto\s{1,9}(?:out|dump)file\b",
        "extractvalue updatexml load_file group_concat utl_http outfile dumpfile",
    ),
    _rule("sqli.comment_end", SQLI, 5, r"""\w['"]\)?\s{0,9}(?:;\s{0,9})?(?:--|#|/\*)[\s-]{0,9}$""", "' \""),
    _rule("xss.script", XSS, 5, r"<\s{0,9}/?\s{0,9}script[\s/>]", "script"),
    _rule("xss.handler", XSS, 5, r"""<[a-z!?/][^<>]{0,300}?[\s/"']on[a-z]{3,24}\s{0,9}=""", "on"),
    _rule(
        "xss.breakout", XSS, 5,
        r"""["'`]\s{0,9}/?\s{0,9}on(?:error|load|click|dblclick|mouse\w{2,6}|focus\w{0,3}|blur"""
        r"""|key\w{2,5}|toggle|begin|pointer\w{2,6}|animation\w{3,9}|wheel)\s{0,9}=""",
        "on",
    ),
    _rule(
        "xss.uri", XSS, 5,
        r"""(?:java|vb|live)script\s{0,9}:\s{0,9}(?:[\w$.]{1,60}\s{0,9}[(=\[`]|/[/*]|['"])|data:text/html\s{0,9}[;,]""",
        "script data:",
    ),
    _rule("xss.embed", XSS, 3, r"<\s{0,9}(?:iframe|embed|object|svg|math|base|meta)[\s/>]", "<"),
    _rule("lfi.traversal", LFI, 5, r"(?:\.\.[\\/]{1,3}){2}", ".."),
    _rule("lfi.parent", LFI, 5, r"[\\/]\.\.(?:[\\/;]|$)", "..", (PATH,)),
    _rule("lfi.parent_value", LFI, 3, r"(?:^|[\\/])\.\.[\\/]", "..", (PARAMETER,)),
    _rule("lfi.overlong", LFI, 5, r"%c0%a[ef]|%e0%80%a[ef]|%u002[ef]", "%"),
    _rule(
        "lfi.system_file", LFI, 5,
        r"(?:^|[\\/])etc[\\/]{1,3}(?:passwd|shadow|hosts|group|issue|ssh)\b|[\\/]proc[\\/]{1,3}(?:self|version|cmdline|\d)"
        r"|\b(?:boot|win)\.ini\b|[\\/]windows[\\/]{1,3}system32",
        "etc proc .ini system32",
    ),
    _rule("lfi.wrapper", LFI, 5, r"\b(?:php|phar|expect|zip|glob|compress\.zlib)://", "://"),
    _rule(
        "rce.command", RCE, 5,
        rf"(?:[;|&]|\$\(){_COMMANDS}(?:\s{{0,9}}$|\s{{0,9}}[;|`)&])"
        rf"|(?:[;|`]|&&|\$\()\s{{0,9}}{_COMMANDS}\s{{1,9}}(?:[-/~$]|\.{{1,2}}/|https?:)",
        "; | ` & $(",
    ),
    _rule("rce.shellshock", RCE, 5, r"\(\s{0,9}\)\s{0,9}\{\s{0,9}:?\s{0,9};", "{", (PARAMETER, AGENT)),
    _rule(
        "rce.jndi", RCE, 5, r"\$\{(?:jndi:|[^{}]{0,20}\$\{|(?:lower|upper|env|sys|java):)", "${",
        (PATH, PARAMETER, AGENT),
    ),
    _rule("rce.php", RCE, 5, r"<\?(?:php\b|=)|\b(?:allow_url_include|auto_prepend_file)\b", "<? allow_url auto_"),
    _rule(
        "ssti.expression", SSTI, 5,
        r"\{\{[^{}]{0,100}?(?:__\w{2,20}__|\b(?:config|request|self|settings)\s{0,3}[.\[}|]|\d\s{0,3}\*\s{0,3}['\"]?\d|\w\()",
        "{{",
    ),
    _rule("ssti.dollar", SSTI, 5, r"[$#*@]\{\s{0,9}(?:\d{1,9}\s{0,9}[*+-]\s{0,9}\d|t\(java)", "{"),
    _rule("ssti.statement", SSTI, 4, r"\{%-?\s{0,9}(?:import|include|extends|set|for|if|debug|load)\s", "{%"),
    _rule("ssti.dunder", SSTI, 5, r"__(?:class|mro|subclasses|globals|builtins|import|reduce)__", "__"),
    _rule(
        "ssrf.metadata", SSRF, 5, r"\b169\.254\.169\.254\b|\bmetadata\.google\.internal\b|fd00:ec2::254",
        "169.254 metadata fd00:",
    ),
    _rule("ssrf.scheme", SSRF, 5, r"\b(?:gopher|dict|ldaps?|jar|netdoc)://[\w\[]", "://"),
    _rule("ssrf.local", SSRF, 3, r"https?://(?:127\.|localhost\b|0\.0\.0\.0|\[::1?\]|0x7f|2130706433)", "://"),
    _rule(
        "crlf.header", EXTRANEOUS, 5,
        r"[\r\n]\s{0,9}(?:set-cookie|location|content-(?:type|length)|x-[\w-]{1,40})\s{0,9}:", ":",
    ),
    _rule("nul.byte", EXTRANEOUS, 5, r"\x00", "\x00"),
)  # fmt: skip

SCANNERS = lazily(
    r"\b(?:sqlmap|nikto|nuclei|nessus|masscan|zgrab|gobuster|feroxbuster|ffuf|fuzz faster u fool|wfuzz|dirbuster"
    r"|wpscan|acunetix|netsparker|invicti|w3af|arachni|openvas|nmap scripting engine|nmap nse|burpcollaborator"
    r"|thc-hydra|joomscan|whatweb|skipfish|metasploit|commix|xsser|dalfox|jaeles|projectdiscovery|l9explore|l9tcpid|leakix|mozlila|sqlninja|havij"
    r"|absinthe|webinspect|detectify|zmeu|morfeus|muieblackcat|jorgee|fimap|cgiscan|webshag|dotdotpwn|bsqlbf|httprint"
    r"|pangolin|websecurify|brutus|nsauditor|n-stealth|kxss|xspider|zollard)\b"
)

# Names that the URLconf of a Django project rarely has, and every scanner tries. Looked up only after a 404.
_HONEY = """
    .env .env.local .env.production .env.dev .env.bak .env.example .git .gitlab-ci.yml .svn .hg .bzr .aws .ssh .docker
    .kube .npmrc .pypirc .netrc .htpasswd .htaccess .ds_store .vscode .idea .claude .cursor .codex .gemini
    .aider.conf.yml .bash_history .zsh_history wp-login.php wp-admin
    wp-content wp-includes wp-config.php wp-json wp-cron.php xmlrpc.php
    phpmyadmin pma phpinfo.php info.php config.php adminer.php shell.php cmd.php c99.php eval-stdin.php phpunit cgi-bin
    actuator jolokia hnap1 boaform solr jenkins server-status server-info _ignition telescope web.config
    id_rsa id_ed25519 credentials.json docker-compose.yml dump.sql backup.sql database.sql backup.zip geoserver owa
    autodiscover druid nacos
"""
HONEY_SEGMENTS = frozenset(_HONEY.split())
HONEY_SCORE = 5
TOOL_SCORE = 5

# Keyword arguments of Q(): a dictionary of parameters expanded into filter() passes them on.
Q_ARGUMENTS = frozenset(("_connector", "_negated"))
_SENSITIVE = """
    password passwd pwd token secret hash api_key apikey private_key secret_key session_key session_data salt otp
    totp_secret recovery_code ssn auth_token access_token refresh_token password_hash key_hash
"""
SENSITIVE_SEGMENTS = frozenset(_SENSITIVE.split())
ORM_SCORE = 5
DOUBLE_ENCODING_SCORE = 2
