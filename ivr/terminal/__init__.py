"""A call in the terminal, without a telephone: `ivr dialplan try`.

driver           leads the call: what is said, keys, silence, questions        no terminal, no clock
parts            what it leans on, and what was said and done                    pure
speech           phrases -> words, seconds and audio files                     files
options          what the command line tells, as a situation                    pure
known            the caller and the live announcements of the database         SQL
screen           what is printed                                               rich
keyboard         keys of a terminal, one by one                                termios
sound            playing, and saving the whole call                            files, a player program
scripted         a caller told in advance                                      pure
as_scenario      the call as a scenario; keep writes it to a file              pure
"""
