# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration tree: sources, limits, errors that say what to do, and the documents made from it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from sipagent import config_docs
from sipagent.config import Config, ConfigError, load
from sipagent.config_sources import from_environment, merge, parse_api, parse_listen, parse_range, parse_register

DOCS = Path(__file__).parent.parent / "docs"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "switch.toml"
    path.write_text(text)
    return path


def error(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    return str(caught.value)


def test_nothing_given_is_the_defaults() -> None:
    assert load(None) == Config()


def test_file_is_read(tmp_path: Path) -> None:
    cfg = load(
        write(tmp_path, '[sip]\nmax_calls = 7\n[[sip.listen]]\ntransport = "tcp"\nport = 0\n[media]\nports = [4000, 4099]\n')
    )
    assert (cfg.sip.max_calls, cfg.sip.listen[0].transport, cfg.media.ports) == (7, "tcp", (4000, 4099))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[sip]\nmax_cals = 3", "sip.max_cals: unknown key; did you mean 'max_calls'?"),
        ("[dialog]\nagent = 'echo'", "dialog: unknown key; did you mean 'dialogue'?"),
        ("[log]\nxyzzy = 1", "log.xyzzy: unknown key; known here: level, json_lines, sip"),
        (
            "[[sip.listen]]\ntransport = 'upd'",
            "transport = 'upd': use 'udp', 'tcp' or 'tls'; did you mean 'udp'?",
        ),
        ("[[sip.listen]]\nhost = 'lan'", "sip.listen[0].host: 'lan' is not an IP address; write for example 127.0.0.1"),
        ("[[sip.listen]]\nprot = 1", "sip.listen[0].prot: unknown key; did you mean 'port'?"),
        ("[sip]\nmax_calls = 0", "sip.max_calls = 0: must be greater than or equal to 1"),
        ("[sip]\nmax_calls = 'many'", "sip.max_calls = 'many': must be a valid integer"),
        ("[sip]\nlisten = []", "sip.listen = []: "),
        ("sip = 3", "sip = 3: must be a table, as in [sip]"),
        ("[[sip.accounts]]\nhost = 'pbx.example'", "sip.accounts[0].user: missing; add user = ..."),
        ("[[sip.listen]]\ntransport = 'tls'", "set sip.tls.cert and sip.tls.key"),
        ("[seeing]\nsip_mb = 0\npcap_dir = 'pcap'", "capture files take their SIP from what is kept of it; set sip_mb above 0"),
        ("[media]\nports = [5000, 4000]", "media.ports: [5000, 4000] is not a usable range"),
        ("[media]\ncodecs = ['PCMU']", "media.codecs: 'PCMU' is not NAME/CLOCK"),
        ("[api]\nhost = '0.0.0.0'", "api.host: '0.0.0.0' is not a loopback address"),
        ("[api]\nhost = 'switch.example'", "api.host: 'switch.example' is not a loopback address"),
        ("[store]\nrecord = true", "set store.dir"),
        ("[sip]\nsrtp = 'always'", "sip.srtp = 'always': use 'off', 'optional' or 'required'"),
        ("[sip]\nsrtp_keying = 'zrtp'", "sip.srtp_keying = 'zrtp': use 'sdes', 'dtls' or 'any'"),
        ("[sip]\nsrtp_suites = []", "sip.srtp_suites = []: "),
        ("[sip]\nsrtp_suites = ['AEAD_AES_128_GCM', 'AEAD_AES_128_GCM']", "srtp_suites has one suite twice; name each once"),
        (
            "[sip]\nsrtp_suites = ['AES_256_CM_HMAC_SHA1_80']\n[[sip.accounts]]\nuser = 'a'\nhost = 'b'\nsrtp_keying = 'dtls'",
            "has no profile for AES_256_CM; add another suite",
        ),
        ("[sip\n", "not TOML: "),
        (
            "[[sip.accounts]]\nuser='7'\nhost='a'\n[[sip.accounts]]\nuser='7'\nhost='b'\n[[routes]]\nbridge='sip:x@y'\nvia='7'",
            "routes, row 1: via '7' may be 7@a or 7@b; write one of them out",
        ),
        ("[[routes]]\nbridge='sip:x@y'\nvia='7'", "via '7' is no account or trunk"),
        ("[[routes]]\npark = 'auto'", "routes, row 1: park = 'auto' needs slots to give out; set parking.slots"),
        ("[parking]\nslots = '709-701'", "'709-701' is not a range of slots; write for example '701-720'"),
        ("[parking]\nslots = '0-1000'", "'0-1000' is not a range of slots"),
        ("[parking]\nslots = '0000-1000'", "'0000-1000' are more than 1000 slots"),
        ("[[routes]]\nlisten = '{called:3}'", "routes, row 1: nobody may listen; say who, in [[supervisors]]"),
        ("[[routes]]\nagent = 'echo'\nmode = 'barge'", "mode belongs to listen"),
        ("[[supervisors]]\nnumbers = '71'", "supervisors[0].accounts: missing; add accounts = ..."),
        ("[bridge]\non_hold = 'musik'", "bridge.on_hold = 'musik': use 'pass' or 'music'; did you mean 'music'?"),
    ],
)
def test_error_names_key_value_and_fix(tmp_path: Path, text: str, says: str) -> None:
    assert says in error(tmp_path, text)


def test_every_bad_key_is_named_at_once(tmp_path: Path) -> None:
    message = error(tmp_path, "[sip]\nmax_calls = 0\n[media]\nptime_ms = 30\n[log]\nsip = 9\n")
    assert all(name in message for name in ("sip.max_calls", "media.ptime_ms", "log.sip"))


def test_missing_file_tells_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file; write one with: sipagent config --sample"):
        load(tmp_path / "none.toml")


def test_error_never_shows_a_password(tmp_path: Path) -> None:
    message = error(tmp_path, "[[sip.accounts]]\nuser = '1'\nhost = 'h'\npassword = ['hunter2']\n")
    assert "sip.accounts[0].password" in message
    assert "hunter2" not in message


def test_repr_never_shows_a_password() -> None:
    cfg = load(None, overrides={"sip": {"accounts": [parse_register("sip:1000:hunter2@pbx.example")]}})
    assert "hunter2" not in repr(cfg)


def test_rtp_follows_the_first_sip_address() -> None:
    listen = [{"host": "192.0.2.7"}]
    assert load(None, overrides={"sip": {"listen": listen}}).media.host == "192.0.2.7"
    assert load(None, overrides={"sip": {"listen": listen}, "media": {"host": "192.0.2.8"}}).media.host == "192.0.2.8"


def test_command_line_over_environment_over_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[sip]\nmax_calls = 1\nretry_after_s = 1\nuser_agent = 'file'\n")
    env = {"SIPAGENT_SIP__MAX_CALLS": "2", "SIPAGENT_SIP__RETRY_AFTER_S": "2", "SIPAGENT_HOME": "no setting", "HOME": "/"}
    cfg = load(path, env, {"sip": {"max_calls": 3}})
    assert (cfg.sip.max_calls, cfg.sip.retry_after_s, cfg.sip.user_agent) == (3, 2, "file")


def test_environment_reaches_into_a_row(tmp_path: Path) -> None:
    path = write(tmp_path, "[[sip.accounts]]\nuser = '1000'\nhost = 'pbx.example'\n")
    cfg = load(path, {"SIPAGENT_SIP__ACCOUNTS__0__PASSWORD": "hunter2"})
    assert (cfg.sip.accounts[0].user, cfg.sip.accounts[0].password) == ("1000", "hunter2")


def test_environment_key_that_is_unknown_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"sip.max_cals: unknown key"):
        load(None, {"SIPAGENT_SIP__MAX_CALS": "2"})


def test_environment_values_are_toml_or_text() -> None:
    env = {"SIPAGENT_A__B": "true", "SIPAGENT_A__C": "[1, 2]", "SIPAGENT_A__D": "play:x.wav"}
    assert from_environment(env) == {"a": {"b": True, "c": [1, 2], "d": "play:x.wav"}}


def test_merge_leaves_its_arguments_alone() -> None:
    base = {"sip": {"listen": [{"port": 1}]}}
    assert merge(base, {"sip": {"listen": {"0": {"port": 2}}}}) == {"sip": {"listen": [{"port": 2}]}}
    assert base == {"sip": {"listen": [{"port": 1}]}}


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("udp:127.0.0.1:5060", ("udp", "127.0.0.1", 5060)),
        ("TLS:[2001:db8::1]:5061", ("tls", "2001:db8::1", 5061)),
        ("tcp:sip.example:0", ("tcp", "sip.example", 0)),
    ],
)
def test_listen(text: str, row: tuple[str, str, int]) -> None:
    assert tuple(parse_listen(text).values()) == row


@pytest.mark.parametrize(
    "text", ["127.0.0.1:5060", "sctp:127.0.0.1:5060", "udp:127.0.0.1", "udp:1.2.3.4:99999", "udp:::1:5060", "udp::5", ""]
)
def test_listen_refuses(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--sip: "):
        parse_listen(text)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("sip:1000:secret@pbx.example", ("1000", "secret", "pbx.example", 0, "udp")),
        ("sip:1000:secret@pbx.example:5070;transport=TCP", ("1000", "secret", "pbx.example", 5070, "tcp")),
        ("sip:1000:secret@pbx.example;transport=tls", ("1000", "secret", "pbx.example", 0, "tls")),
        ("sips:1000:secret@pbx.example", ("1000", "secret", "pbx.example", 0, "tls")),
        ("sip:1000:p@ss:w%20rd@[2001:db8::1]:5060", ("1000", "p@ss:w rd", "2001:db8::1", 5060, "udp")),
        ("sip:1000@pbx.example", ("1000", "", "pbx.example", 0, "udp")),
    ],
)
def test_register(text: str, want: tuple[str, str, str, int, str]) -> None:
    row = parse_register(text)
    assert (row["user"], row["password"], row["host"], row["port"], row["transport"]) == want


@pytest.mark.parametrize(
    "text", ["1000:hunter2@h", "sip:1000:hunter2", "sip::hunter2@h", "sip:1:hunter2@h;transport=sctp", "sip:1:hunter2@a b"]
)
def test_register_refuses_without_repeating_the_password(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--register: ") as caught:
        parse_register(text)
    assert "hunter2" not in str(caught.value)


def test_range_and_api() -> None:
    assert parse_range("20000-20099") == [20000, 20099]
    assert parse_api("127.0.0.1:0") == {"enabled": True, "host": "127.0.0.1", "port": 0}
    assert parse_api("off") == {"enabled": False}
    for parse in (parse_range, parse_api):
        with pytest.raises(ConfigError):
            parse("nonsense")


def test_no_more_peers_than_a_process_serves() -> None:
    def tree(n_trunks: int) -> dict[str, object]:
        hosts = [f"192.0.2.{i}" for i in range(8)]
        return {"sip": {"trunks": [{"name": f"t{i}", "hosts": hosts} for i in range(n_trunks)]}}

    load(None, overrides=tree(29))
    with pytest.raises(ConfigError, match="sip: 0 accounts, 240 hosts of trunks and 1 rows of listen are more than the 240"):
        load(None, overrides=tree(30))


def test_a_route_leads_out_by_an_account_or_a_trunk() -> None:
    def tree(via: str) -> dict[str, object]:
        return {
            "sip": {
                "accounts": [{"user": "1000", "host": "pbx.example"}],
                "trunks": [{"name": "lines", "hosts": ["192.0.2.1"]}],
            },
            "routes": [{"agent": "echo", "called": "1"}, {"bridge": "sip:1@192.0.2.1", "via": via}],
        }

    for via in ("1000", "1000@pbx.example", "lines"):
        assert load(None, overrides=tree(via)).routes[1].via == via
    with pytest.raises(ConfigError, match="row 2: via 'line' is no account or trunk"):
        load(None, overrides=tree("line"))


def test_sample_loads_to_the_defaults(tmp_path: Path) -> None:
    assert load(write(tmp_path, config_docs.sample())) == Config()


def test_sample_with_everything_uncommented_loads_to_the_defaults(tmp_path: Path) -> None:
    text = re.sub(r"^#(?! )", "", config_docs.sample(), flags=re.MULTILINE)
    cfg = load(write(tmp_path, text))
    assert cfg.sip.accounts[0].host == "pbx.example"
    assert cfg.routes[0].agent == "reception"
    sip = cfg.sip.model_copy(update={"accounts": [], "trunks": [], "dns": Config().sip.dns})
    assert cfg.model_copy(update={"sip": sip, "routes": [], "supervisors": []}) == Config()
    assert len(tomllib.loads(text)["media"]) == len(Config().media.model_dump())


def test_every_setting_says_what_it_is() -> None:
    for table in config_docs.tables():
        for key, field in config_docs.settings(table.model):
            assert field.description, f"{table.name}.{key} has no description"


def test_documents_are_up_to_date() -> None:
    for name, text in (("configuration.md", config_docs.reference()), ("sipagent.sample.toml", config_docs.sample())):
        assert (DOCS / name).read_text() == text, f"docs/{name} is stale: run scripts/docs"


def test_slots_are_counted_with_their_zeros() -> None:
    parking = load(None, overrides={"parking": {"slots": "098-101"}}).parking
    assert parking.numbers == ["098", "099", "100", "101"]


def test_a_full_account_name_or_a_trunk_is_not_ambiguous() -> None:
    accounts = [{"user": "7", "host": "a"}, {"user": "7", "host": "b"}]
    sip = {"accounts": accounts, "trunks": [{"name": "7", "hosts": ["c"]}]}
    for via in ("7@a", "7"):  # a trunk's name comes first, as in UserAgent.invite
        assert load(None, overrides={"sip": sip, "routes": [{"bridge": "sip:x@y", "via": via}]}).routes[0].via == via
