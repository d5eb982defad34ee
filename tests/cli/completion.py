#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Man pages and completions know every option there is, and the completions complete."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

from tap import ROOT, Skip, equal, flowcheck, run

_MAN = os.path.join(ROOT, "tools", "man")
_COMPLETION = os.path.join(ROOT, "tools", "completion")
_BASH = os.path.join(_COMPLETION, "flowcheck.bash")
_ZSH = os.path.join(_COMPLETION, "_flowcheck")
_COMMANDS = ("approvals", "check", "convert", "doctor", "explain", "merge", "record", "watch")

# Sources the completion, fills in what bash would, and prints the answer, one word a line.
_ASK_BASH = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_LINE=${COMP_WORDS[*]}
COMP_POINT=${#COMP_LINE}
_flowcheck
printf '%s\\n' "${COMPREPLY[@]}"
"""

# An interactive shell that shows its line when asked to, so that what TAB made of it can be read.
_SETUP_ZSH = """
PS1= PROMPT_EOL_MARK= HISTFILE= LISTMAX=9999
stty rows 200 cols 200
fpath=(%s $fpath)
autoload -U compinit && compinit -u -D
_show() { print -r -- "<<$BUFFER>>"; BUFFER=; zle reset-prompt }
zle -N _show
bindkey '^I' complete-word
bindkey '^L' list-choices
bindkey '^G' _show
print rea''dy
"""


def _read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def _long_options(command):
    """What follows the usage lines, so that an option the list forgets is not found."""
    text = flowcheck(*command.split(), "--help").out
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text.split("\n\n", 1)[1]))


def _man_options(page):
    """Long options that an mdoc page has an item for."""
    source = _read(os.path.join(_MAN, page)).replace("\\-", "-")
    items = "\n".join(line for line in source.splitlines() if line.startswith(".It Fl"))
    return set("-" + word for word in re.findall(r"Fl (-[a-z][a-z-]*)", items))


def _bash(folder, *words):
    """The words that bash would offer for the last of these; '=' is a word, as bash has it."""
    if shutil.which("bash") is None:
        raise Skip("bash is not here")
    done = subprocess.run(["bash", "--norc", "-c", _ASK_BASH, "bash", _BASH, "flowcheck", *words],
                          capture_output=True, text=True, cwd=folder, check=False, timeout=60)
    equal(done.stderr, "")
    return sorted(word for word in done.stdout.split("\n") if word)


class _Zsh:
    """A zsh on a terminal of its own."""

    def __init__(self, folder):
        if shutil.which("zsh") is None:
            raise Skip("zsh is not here")
        try:
            child, self.terminal = pty.fork()
        except OSError as reason:
            raise Skip("no pseudo terminal here: %s" % reason) from reason
        if child == 0:
            os.chdir(folder)
            os.environ.update(TERM="dumb", ZDOTDIR=folder, HOME=folder)
            os.execvp("zsh", ["zsh", "-f", "-i"])
        self.child = child
        self.seen = ""
        setup = os.path.join(folder, "setup")
        with open(setup, "w", encoding="utf-8") as file:
            file.write(_SETUP_ZSH % _COMPLETION)
        self.send("source ./setup\n")
        self.wait("ready")
        os.unlink(setup)

    def send(self, text):
        os.write(self.terminal, text.encode())

    def wait(self, pattern, seconds=60):
        """What the pattern matches first in what is shown; all up to its end is then forgotten."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found:
                self.seen = self.seen[found.end():]
                return found
            left = end - time.monotonic()
            assert left > 0, "expected %r, zsh shows %r" % (pattern, self.seen[-500:])
            if select.select([self.terminal], [], [], left)[0]:
                self.seen += os.read(self.terminal, 4096).decode("utf-8", "replace")

    def complete(self, line):
        """The line after TAB, with no blanks at its end."""
        self.send(line + "\t\x07")
        return self.wait(r"<<([^>]*)>>").group(1).rstrip()

    def options(self, line):
        """The long options that the list of choices has."""
        self.send(line + "\x0c\x07")
        shown = self.wait(r"(?s)(.*)<<[^>]*>>").group(1)
        return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", shown))

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.child, 0)


def every_option_has_an_item_in_its_man_page(_):
    for command in _COMMANDS:
        equal(_long_options(command) - _man_options("flowcheck-%s.1" % command), set())
    equal(_long_options("") - _man_options("flowcheck.1"), set())


def the_man_pages_have_no_item_for_an_option_that_is_not_there(_):
    for command in _COMMANDS:
        equal(_man_options("flowcheck-%s.1" % command) - _long_options(command), set())
    equal(_man_options("flowcheck.1") - _long_options(""), set())


def mandoc_has_nothing_to_warn_of(_):
    if shutil.which("mandoc") is None:
        raise Skip("mandoc is not here")
    for page in sorted(os.listdir(_MAN)):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", os.path.join(_MAN, page)],
                              capture_output=True, text=True, check=False, timeout=60)
        equal((done.returncode, done.stdout), (0, ""))


def bash_offers_exactly_the_options_that_help_lists(folder):
    equal(set(_bash(folder, "--")), _long_options(""))
    for command in _COMMANDS:
        equal(set(_bash(folder, command, "--")), _long_options(command))


def zsh_offers_exactly_the_options_that_help_lists(folder):
    zsh = _Zsh(folder)
    try:
        equal(zsh.options("flowcheck --"), _long_options(""))
        for command in _COMMANDS:
            equal(zsh.options("flowcheck %s --" % command), _long_options(command))
    finally:
        zsh.close()


def bash_offers_commands_and_values(folder):
    equal(_bash(folder, ""), ["--help", "--version", *_COMMANDS])
    equal(_bash(folder, "convert", "-o", ""), ["archive", "json", "protobuf"])
    equal(_bash(folder, "ex"), ["explain"])
    equal(_bash(folder, "check", "--engine", "cilium-1.2"), ["cilium-1.20"])
    equal(_bash(folder, "check", "--engine", "=", "k"), ["kubernetes"])
    equal(_bash(folder, "check", "--engine=k"), ["--engine=kubernetes"])
    equal(_bash(folder, "check", "--color", "="), ["always", "auto", "never"])
    equal(_bash(folder, "check", "--fail-on", ""), ["critical", "high", "info", "low", "medium"])
    equal(_bash(folder, "check", "-o", ""), ["arrow", "json", "jsonl", "text"])
    equal(_bash(folder, "explain", "-o", ""), ["json", "jsonl", "text"])
    equal(_bash(folder, "check", "--set", "enable-p"), ["enable-policy="])
    equal(_bash(folder, "check", "--set", "=", "fqdn-e"), ["fqdn-evidence="])
    equal(_bash(folder, "check", "--set", "enable-policy", "=", "al"), ["always"])
    equal(_bash(folder, "check", "--set", "=", "enable-policy", "="),
          ["always", "default", "never"])
    equal(_bash(folder, "explain", "--set", "enable-policy=n"), ["enable-policy=never"])
    equal(_bash(folder, "explain", "--set=enable-policy=n"), ["--set=enable-policy=never"])
    equal(_bash(folder, "check", "--set", "cluster-name", "="), [])
    equal(_bash(folder, "explain", "--direction", "in"), ["ingress"])
    equal(_bash(folder, "explain", "--from", "h"), ["health", "host"])
    equal(_bash(folder, "check", "--traffic-direction", "e"), ["egress"])
    for option in ("--limit", "--since", "--from-namespace", "--pod", "--ip", "--to-port"):
        equal(_bash(folder, "check", option, ""), [])


def every_value_that_bash_offers_is_taken(folder):
    for option in ("--engine", "--fail-on", "--color", "-o", "--verdict", "--type",
                   "--traffic-direction", "--protocol"):
        for value in _bash(folder, "check", option, ""):
            result = flowcheck("check", option, value, "-")
            assert result.code != 2, result.err
    for option in ("--direction", "--from", "--to", "--engine", "-o"):
        for value in _bash(folder, "explain", option, ""):
            result = flowcheck("explain", "--from", "a/b", "--to", "a/c", "--port", "1/TCP",
                               option, value)
            assert result.code == 0, result.err
    for setting in _bash(folder, "check", "--set", ""):
        for value in _bash(folder, "check", "--set", setting[:-1], "=", ""):
            result = flowcheck("check", "--set", setting + value, "-")
            assert result.code != 2, result.err


def bash_offers_files_where_files_belong(folder):
    open(os.path.join(folder, "flows.log"), "w", encoding="utf-8").close()
    os.mkdir(os.path.join(folder, "flow policies"))
    for words in (["check"], ["check", "-f"], ["check", "--snapshot"], ["check", "--policies", "="],
                  ["explain", "--uuid", "u"], ["check", "-o", "json", "="],
                  ["check", "--output", "=", "json", "="]):
        equal(_bash(folder, *words, "fl"), ["flow policies", "flows.log"])
    equal(_bash(folder, "check", "-o", "json=flows"), ["json=flows.log"])
    equal(_bash(folder, "check", "--output=json=flows"), ["--output=json=flows.log"])


def zsh_reads_its_completion(_):
    if shutil.which("zsh") is None:
        raise Skip("zsh is not here")
    done = subprocess.run(["zsh", "-n", _ZSH], capture_output=True, text=True, check=False,
                          timeout=60)
    equal((done.returncode, done.stderr), (0, ""))


def zsh_completes_commands_values_and_files(folder):
    open(os.path.join(folder, "flows.log"), "w", encoding="utf-8").close()
    zsh = _Zsh(folder)
    try:
        for line, completed in (
                ("flowcheck exp", "flowcheck explain"),
                ("flowcheck --ver", "flowcheck --version"),
                ("flowcheck check --no-p", "flowcheck check --no-progress"),
                ("flowcheck check --engine k", "flowcheck check --engine kubernetes"),
                ("flowcheck check --engine=k", "flowcheck check --engine=kubernetes"),
                ("flowcheck check --set enable-p", "flowcheck check --set enable-policy="),
                ("flowcheck check --set enable-policy=al",
                 "flowcheck check --set enable-policy=always"),
                ("flowcheck check --set=fqdn-evidence=i",
                 "flowcheck check --set=fqdn-evidence=identity"),
                ("flowcheck check --fail-on c", "flowcheck check --fail-on critical"),
                ("flowcheck check --color al", "flowcheck check --color always"),
                ("flowcheck check -o t", "flowcheck check -o text"),
                ("flowcheck check -o json=fl", "flowcheck check -o json=flows.log"),
                ("flowcheck check -f fl", "flowcheck check -f flows.log"),
                ("flowcheck check --snapshot fl", "flowcheck check --snapshot flows.log"),
                ("flowcheck check fl", "flowcheck check flows.log"),
                ("flowcheck explain --direction e", "flowcheck explain --direction egress"),
                ("flowcheck explain --to kube", "flowcheck explain --to kube-apiserver"),
                ("flowcheck explain -o j", "flowcheck explain -o json"),
                ("flowcheck explain --uuid u fl", "flowcheck explain --uuid u flows.log")):
            equal(zsh.complete(line), completed)
    finally:
        zsh.close()


if __name__ == "__main__":
    run(sys.modules[__name__])
