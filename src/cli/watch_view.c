/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/watch_view.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <curses.h>
#include <term.h>

#include "base/text.h"

#define ESCAPE_PATIENCE_MS 100 /* what follows an Esc by then is a key of the terminal */

struct view {
	SCREEN *screen;
	struct termios before;
	bool colour;
};

/* --- crashes ---------------------------------------------------------------------------- */

static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGQUIT};
#define CRASHES (sizeof(crashes) / sizeof(crashes[0]))

/* What a handler may use: made ready before, calls that are safe in it. */
static struct {
	struct termios before;
	char text[256];
	size_t length;
} rescue;

static void on_crash(int number)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &rescue.before);
	if (write(STDOUT_FILENO, rescue.text, rescue.length) < 0)
		_exit(128 + number);
	raise(number); /* the handler is gone by now */
}

static void add_rescue(const char *name)
{
	const char *text = tigetstr(name);
	size_t length = text && text != (const char *)-1 ? strlen(text) : 0;

	if (!length || rescue.length + length > sizeof(rescue.text))
		return;
	memcpy(rescue.text + rescue.length, text, length);
	rescue.length += length;
}

static void prepare_rescue(const struct view *view)
{
	struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};

	rescue.before = view->before;
	rescue.length = 0;
	add_rescue("sgr0");
	add_rescue("rmkx");
	add_rescue("rmcup");
	add_rescue("cnorm");
	for (size_t i = 0; i < CRASHES; i++)
		sigaction(crashes[i], &action, NULL);
}

static void end_rescue(void)
{
	for (size_t i = 0; i < CRASHES; i++)
		signal(crashes[i], SIG_DFL);
}

/* --- begin and end ------------------------------------------------------------------------ */

static void begin_colours(struct view *view)
{
	if (!view->colour || !has_colors() || start_color() == ERR) {
		view->colour = false;
		return;
	}
	use_default_colors();
	init_pair(1, COLOR_RED, -1);
	init_pair(2, COLOR_YELLOW, -1);
	init_pair(3, COLOR_CYAN, -1);
}

/* Ctrl-S must not stop a program that is to answer to signals. */
static void begin_modes(void)
{
	struct termios modes;

	cbreak();
	noecho();
	if (tcgetattr(STDIN_FILENO, &modes) == 0) {
		modes.c_iflag &= ~(tcflag_t)IXON;
		tcsetattr(STDIN_FILENO, TCSANOW, &modes);
	}
	def_prog_mode();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	set_escdelay(ESCAPE_PATIENCE_MS);
	leaveok(stdscr, TRUE);
	curs_set(0);
}

int view_open(bool colour, struct view **out, struct failure *failure)
{
	struct view *view = calloc(1, sizeof(*view));
	const char *name = getenv("TERM");

	if (!view)
		return failure_set(failure, -ENOMEM, "out of memory");
	view->colour = colour;
	if (tcgetattr(STDIN_FILENO, &view->before) == 0)
		view->screen = newterm(NULL, stdout, stdin);
	if (!view->screen) {
		free(view);
		return failure_set(failure, -ENOTTY, "can not draw on a terminal of the kind %.100s",
				   name && name[0] ? name : "(TERM is not set)");
	}
	set_term(view->screen);
	prepare_rescue(view);
	begin_modes();
	begin_colours(view);
	*out = view;
	return 0;
}

void view_close(struct view *view)
{
	if (!view)
		return;
	curs_set(1);
	endwin();
	tcsetattr(STDIN_FILENO, TCSADRAIN, &view->before);
	end_rescue();
	delscreen(view->screen);
	free(view);
}

/* --- drawing ------------------------------------------------------------------------------ */

void view_resize(struct view *view)
{
	struct winsize size;

	(void)view;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	clearok(stdscr, TRUE);
}

static attr_t attribute_of(const struct view *view, enum watch_style style)
{
	switch (style) {
	case STYLE_HEADER:
		return A_BOLD;
	case STYLE_FAINT:
		return view->colour ? COLOR_PAIR(3) : A_NORMAL;
	case STYLE_ALERT:
		return A_BOLD | (view->colour ? COLOR_PAIR(1) : A_NORMAL);
	case STYLE_NEW:
		return view->colour ? COLOR_PAIR(2) : A_NORMAL;
	case STYLE_SELECTED:
		return A_REVERSE;
	case STYLE_PROBLEM:
		return A_BOLD | (view->colour ? COLOR_PAIR(2) : A_NORMAL);
	default:
		return A_NORMAL;
	}
}

static void draw_line(void *context, size_t y, const char *text, enum watch_style style)
{
	struct view *view = context;

	attrset((int)attribute_of(view, style));
	mvaddstr((int)y, 0, text);
	if (style == STYLE_SELECTED)
		mvchgat((int)y, 0, -1, A_REVERSE, 0, NULL);
	attrset(A_NORMAL);
}

void view_draw(struct view *view, struct watch_screen *screen)
{
	erase();
	watch_screen_draw(screen, (size_t)getmaxx(stdscr), (size_t)getmaxy(stdscr), draw_line, view);
	refresh();
}

/* --- keys ---------------------------------------------------------------------------------- */

static enum watch_key_kind special(wint_t key)
{
	static const struct {
		wint_t key;
		enum watch_key_kind kind;
	} kinds[] = {
		{KEY_UP, KEY_KIND_UP},         {KEY_DOWN, KEY_KIND_DOWN},
		{KEY_PPAGE, KEY_KIND_PAGE_UP}, {KEY_NPAGE, KEY_KIND_PAGE_DOWN},
		{KEY_HOME, KEY_KIND_FIRST},    {KEY_END, KEY_KIND_LAST},
		{KEY_ENTER, KEY_KIND_ENTER},   {KEY_BACKSPACE, KEY_KIND_BACKSPACE},
		{KEY_DC, KEY_KIND_BACKSPACE},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].key == key)
			return kinds[i].kind;
	return KEY_KIND_NONE;
}

static struct watch_key character(wint_t key)
{
	struct watch_key result = {.kind = KEY_KIND_CHARACTER};
	char bytes[MB_LEN_MAX];
	mbstate_t state = {0};
	size_t length;

	if (key == '\r' || key == '\n')
		result.kind = KEY_KIND_ENTER;
	else if (key == 27)
		result.kind = KEY_KIND_ESCAPE;
	else if (key == 127 || key == 8)
		result.kind = KEY_KIND_BACKSPACE;
	if (result.kind != KEY_KIND_CHARACTER)
		return result;
	length = wcrtomb(bytes, (wchar_t)key, &state);
	if (key < 32 || length >= sizeof(result.text) || text_utf8_character(bytes, length) != length) {
		result.kind = KEY_KIND_NONE;
		return result;
	}
	memcpy(result.text, bytes, length);
	return result;
}

struct watch_key view_key(struct view *view)
{
	struct watch_key none = {.kind = KEY_KIND_NONE};
	wint_t key;

	(void)view;
	for (;;) {
		int answer = get_wch(&key);

		if (answer == ERR)
			return none;
		if (answer == KEY_CODE_YES)
			none.kind = special(key);
		else
			none = character(key);
		if (none.kind != KEY_KIND_NONE) /* keys without a meaning are passed over */
			return none;
	}
}
