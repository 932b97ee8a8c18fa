# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Included by the Makefile: what is installed where, and the packages made of it.

# The programs look into /etc, /var and /run whatever the PREFIX is.
bindir ?= $(PREFIX)/bin
sbindir ?= $(PREFIX)/sbin
datadir ?= $(PREFIX)/share
mandir ?= $(datadir)/man
docdir ?= $(datadir)/doc/firstseen
bashcompdir ?= $(datadir)/bash-completion/completions
zshcompdir ?= $(datadir)/zsh/site-functions
unitdir ?= $(PREFIX)/lib/systemd/system
sysusersdir ?= $(PREFIX)/lib/sysusers.d
tmpfilesdir ?= $(PREFIX)/lib/tmpfiles.d
confdir := /etc/firstseen
INSTALL ?= install

# From 253 on the service manager itself waits for a reload to be done.
SYSTEMD_VERSION ?= $(shell systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
reloads := $(shell test "$(or $(SYSTEMD_VERSION),0)" -ge 253 && echo yes)

pages := $(wildcard docs/man/*.[158])
bash_completions := $(wildcard packaging/completions/*.bash)
zsh_completions := $(wildcard packaging/completions/_*)

STRIP ?= # -s: without symbols
# FILE:FOLDER:NAME:MODE
data := README.md:$(docdir):README.md:0644 \
	packaging/firstseen.conf:$(docdir):firstseen.conf:0644 \
	$(foreach doc,$(wildcard docs/*.md),$(doc):$(docdir)/docs:$(notdir $(doc)):0644) \
	$(foreach page,$(pages),$(page):$(mandir)/man$(subst .,,$(suffix $(page))):$(notdir $(page)):0644) \
	$(foreach file,$(bash_completions),$(file):$(bashcompdir):$(notdir $(basename $(file))):0644) \
	$(foreach file,$(zsh_completions),$(file):$(zshcompdir):$(notdir $(file)):0644) \
	packaging/firstseen.sysusers:$(sysusersdir):firstseen.conf:0644 \
	packaging/firstseen.tmpfiles:$(tmpfilesdir):firstseen.conf:0644 \
	packaging/run-cgroup2.mount:$(unitdir):run-cgroup2.mount:0644 \
	$(out)/firstseen.service:$(unitdir):firstseen.service:0644 \
	$(out)/firstseend:$(sbindir):firstseend:0755 \
	$(out)/firstseen:$(bindir):firstseen:0755
# What an operator may have changed: never written over, and removed only as long as it is as it came.
settings := packaging/firstseen.conf:$(confdir):firstseen.conf:0644 \
	packaging/firstseen.logrotate:/etc/logrotate.d:firstseen:0644

part = $(word $(1),$(subst :, ,$(2)))
target_of = $(DESTDIR)$(call part,2,$(1))/$(call part,3,$(1))
put = $(INSTALL) $(if $(filter 0755,$(call part,4,$(1))),$(STRIP)) -D -m $(call part,4,$(1)) $(call part,1,$(1)) $(call target_of,$(1))

.PHONY: uninstall dist deb rpm FORCE
# Written anew each time: it holds what the command line says.
$(out)/firstseen.service: packaging/firstseen.service.in FORCE
	@mkdir -p $(@D)
	$(quiet)sed -e 's,@SBINDIR@,$(sbindir),' -e 's/@RELOAD_TYPE@/$(if $(reloads),notify-reload,notify)/' \
		$(if $(reloads),-e '/^ExecReload=/d') $< > $@

define newline


endef
install: all $(out)/firstseen.service
	$(foreach item,$(data),$(call put,$(item))$(newline))
	$(foreach item,$(settings),test -e $(call target_of,$(item)) || $(call put,$(item))$(newline))
	$(INSTALL) -d -m 0755 $(DESTDIR)$(confdir)/conf.d $(DESTDIR)$(confdir)/threats.d

# What the daemon wrote stays, and what an operator changed.
uninstall:
	rm -f $(foreach item,$(data),$(call target_of,$(item)))
	$(foreach item,$(settings),! cmp -s $(call part,1,$(item)) $(call target_of,$(item)) || rm -f $(call target_of,$(item))$(newline))
	-rmdir $(DESTDIR)$(docdir)/docs $(DESTDIR)$(docdir) $(DESTDIR)$(confdir)/conf.d $(DESTDIR)$(confdir)/threats.d $(DESTDIR)$(confdir) 2>/dev/null || true

# --- packages -----------------------------------------------------------------------------

, := ,
dist_name := firstseen-$(VERSION)
dist := .output/dist/$(dist_name).tar.gz
programs := $(out)/firstseend $(out)/firstseen
dist_parts := .clang-format bpf docs include packaging src tests LICENSE Makefile README.md
# Of the last commit, where there is one, so that the same sources make the same package.
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),$(shell date +%s))
export SOURCE_DATE_EPOCH

dist_files := $(shell find $(dist_parts) -type f ! -path '*/__pycache__/*')

dist: $(dist)
$(dist): $(dist_files)
	@mkdir -p $(dir $(dist))
	$(call say,TAR  $(dist))
	$(quiet)tar -c --transform 's,^,$(dist_name)/,' --sort=name --owner=0 --group=0 --exclude=__pycache__ \
		$(dist_parts) | gzip -9n > $(dist)

# Both are built from the sources by their own rules, in a folder of their own. What is compiled here already is taken
# from here: PACKAGE_CLEAN=yes compiles all of it anew, with the distribution's own flags.
PACKAGE_CLEAN ?=
MAINTAINER ?= firstseen maintainers <maintainers@firstseen.example.org>
# $(call fill,FILE,FORMAT of the date)
fill = sed -i -e 's/@VERSION@/$(VERSION)/' -e 's/@MAINTAINER@/$(MAINTAINER)/' \
	-e "s/@DATE@/$$(LC_ALL=C date -u -d @$(SOURCE_DATE_EPOCH) '+$(2)')/" $(1)
# Its rules call make again, which is not to hear what this one was told.
alone := env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS
logged = > $(1) 2>&1 || { tail -n 30 $(1) >&2; exit 1; }

deb_top := $(CURDIR)/.output/deb
deb_tree := $(deb_top)/$(dist_name)
deb: $(deb_top)/$(VERSION).made
	@ls $(deb_top)/*.deb
$(deb_top)/$(VERSION).made: $(dist) $(if $(PACKAGE_CLEAN),,$(programs))
	$(call say,DEB  $(deb_top))
	@rm -rf $(deb_top) && mkdir -p $(deb_top)
	$(quiet)tar -xzf $(dist) -C $(deb_top)
	$(quiet)cp -r packaging/debian $(deb_tree)/debian
	$(quiet)$(call fill,$(deb_tree)/debian/control $(deb_tree)/debian/changelog,%a$(,) %d %b %Y %T +0000)
	$(quiet)$(if $(PACKAGE_CLEAN),,ln -s $(CURDIR)/.output $(deb_tree)/.output)
	$(quiet)cd $(deb_tree) && $(alone) dpkg-buildpackage -b -us -uc -nc $(call logged,$(deb_top)/build.log)
	@touch $@

rpm_top := $(CURDIR)/.output/rpm
rpm: $(rpm_top)/$(VERSION).made
	@ls $(rpm_top)/RPMS/*/*.rpm
$(rpm_top)/$(VERSION).made: $(dist) $(if $(PACKAGE_CLEAN),,$(programs))
	$(call say,RPM  $(rpm_top))
	@rm -rf $(rpm_top) && mkdir -p $(rpm_top)/SPECS $(rpm_top)/SOURCES
	$(quiet)cp $(dist) $(rpm_top)/SOURCES
	$(quiet)cp packaging/rpm/firstseen.spec $(rpm_top)/SPECS
	$(quiet)$(call fill,$(rpm_top)/SPECS/firstseen.spec,%a %b %d %Y)
	$(quiet)$(alone) rpmbuild -bb --define '_topdir $(rpm_top)' $(if $(PACKAGE_CLEAN),,--define 'compiled $(CURDIR)/.output') \
		$(if $(wildcard /etc/debian_version),--nodeps) $(rpm_top)/SPECS/firstseen.spec $(call logged,$(rpm_top)/build.log)
	@touch $@
