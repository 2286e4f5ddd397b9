"""Speech: the wording of prompts, the voices that say it, and the telephone audio it becomes.

words -> expand        numbers and written text in words        pure
wording                prompts/<locale>.toml                    files
audio                  band, level, silence, formats            samples
voice                  the chain of voices                      programs, HTTP
recording, decode      studio recordings, foreign files         files, a child process
render, catalog        every prompt made ahead, and its index   files
clip                   one announcement, made when published    files
audit                  what callers would miss or endure        files
"""
