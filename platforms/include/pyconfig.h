/* Owns what Python's headers have to know of a target when the wheel is built on another machine than the target's.

   Python's own file of this name is written for one platform, and no registry here has those of macOS and Windows.
   Under the limited API its headers ask it for little but the sizes of C's types, which the compiler knows. */
#ifndef ORTEMBED_PYCONFIG_H
#define ORTEMBED_PYCONFIG_H

#ifndef Py_LIMITED_API
#error "this file serves the limited API alone"
#endif

#define SIZEOF_INT __SIZEOF_INT__
#define SIZEOF_LONG __SIZEOF_LONG__
#define SIZEOF_LONG_LONG __SIZEOF_LONG_LONG__
#define SIZEOF_SIZE_T __SIZEOF_SIZE_T__
#define SIZEOF_UINTPTR_T __SIZEOF_POINTER__
#define SIZEOF_VOID_P __SIZEOF_POINTER__
#define SIZEOF_WCHAR_T __SIZEOF_WCHAR_T__

#define HAVE_SYS_STAT_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_WCHAR_H 1

#ifdef _WIN32
#define HAVE_DECLSPEC_DLL 1
#define MS_WIN32 1
#define MS_WIN64 1
#define MS_WINDOWS 1
#define Py_ENABLE_SHARED 1
#else
#define HAVE_PTHREAD_H 1
#define HAVE_SSIZE_T 1
#define HAVE_UNISTD_H 1
#endif

#endif
