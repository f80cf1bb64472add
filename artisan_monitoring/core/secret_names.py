"""Which names announce a secret: keys, parameters, headers and attributes judged by the words they are made of."""

from __future__ import annotations

import re

# Camel case, digits and every separator split a name into words ("refreshToken", "X-Api-Key", "REDIS_PASSWORD2"), so
# that "author" is not "auth" and "tokenizer" is not "token".
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text, for tables that are read as text."""
    return frozenset(words.split())


# Secret wherever they stand in a name: one word, or up to three neighbouring words joined ("api" + "key").
SECRET_WORDS = word_set("""
    password passwords passwd passphrase passphrases passcode passcodes pwd pwds pw kennwort passwort
    secret secrets token tokens authorization cookie cookies credential credentials creds csrf xsrf jwt bearer
    otp totp hotp cvv cvc ssn iban apikey apikeys accesskey accesskeys privatekey privatekeys secretkey signingkey
    encryptionkey masterkey sharedkey accountkey storagekey sshkey hmackey aeskey fernetkey licensekey webhookkey
    authkey deploykey servicekey sessionid sessionids sessionkey sessid phpsessid jsessionid connectsid
    cardnumber cardnumbers cardno creditcard debitcard ccnumber securitycode pincode accountnumber routingnumber
    bankaccount socialsecurity taxid nationalid verificationcode recoverycode recoverycodes backupcode backupcodes
    resetcode authcode mfacode accesscode onetimecode connectionstring userpass dbpass smtppass mailpass emailpass
    redispass ftppass authheader samlresponse clientassertion codeverifier hashsalt
""")
# Secret only as the last word: "x-auth" and "card_pin" are, "auth_user" and "pin_color" are not.
SECRET_LAST_WORDS = word_set("auth pass pin sig signature session sid salt")
# Words glued to a prefix without a separator: "mypassword", "accesstoken", "clientsecret".
_GLUED = re.compile(
    r"(?:password|passwd|passphrase|secret|token|apikey|sessionid|cookie|credential)s?$"
    r"|^(?:password|passwd)(?!less$|s?$)"
)
# A count, a limit or a date of a secret is none: "max_tokens", "token_count", "password_length", "token_expires_at".
_COUNTS_BEFORE = word_set("max min num total count prompt completion input output used remaining cached avg has is n")
_COUNTS_AFTER = word_set("""
    count counts length len limit limits size ttl type expires expiry expiration expired lifetime age usage used
    total name names field fields
""")
# Plural and status words whose number is a quantity: {"tokens": 512}, {"pass": 3}.
COUNTABLE_WORDS = word_set("tokens secrets cookies pass credentials passwords session sessions")
# In a query string only: an OAuth code, a signed URL's parts. Elsewhere {"code": 404}, {"key": "name"} stay readable.
QUERY_NAMES = word_set("code key sig signature awsaccesskeyid ticket assertion auth")
# A header line of these runs to its end: "Cookie: a=b; c=d", "Authorization: Digest username=..., response=...".
_WHOLE_LINE = word_set("authorization cookie")

_LONGEST_NAME = 256


def words_of(name: str) -> list[str]:
    """Split a name into lower-case words; numbers are words of their own. Names over 256 characters keep both ends."""
    if len(name) > _LONGEST_NAME:
        name = name[: _LONGEST_NAME // 2] + "_" + name[-_LONGEST_NAME // 2 :]
    return [word.lower() for word in _WORD.findall(name)]


def is_secret_name(name: str, extra: frozenset[str] = frozenset()) -> bool:
    """Tell whether the words of `name` announce a secret; `extra` holds more words or joined words ("artisancode")."""
    words = words_of(name)
    while words and words[-1].isdigit():  # "password2", "X-Hub-Signature-256"
        words.pop()
    if not words:
        return False
    joined = {"".join(words[start : start + size]) for size in (1, 2, 3) for start in range(len(words) - size + 1)}
    if extra and not extra.isdisjoint(joined):
        return True
    if words[0] in _COUNTS_BEFORE or words[-1] in _COUNTS_AFTER:
        return False
    if words[-1] in SECRET_LAST_WORDS or not SECRET_WORDS.isdisjoint(joined):
        return True
    return any(_GLUED.search(word) for word in words)


def is_whole_line_name(name: str) -> bool:
    """Tell whether a header of this name is secret to the end of its line."""
    return not _WHOLE_LINE.isdisjoint(words_of(name))


def is_countable_name(name: str) -> bool:
    """Tell whether a number under this secret name is a quantity, not a secret."""
    words = words_of(name)
    return bool(words) and words[-1] in COUNTABLE_WORDS
