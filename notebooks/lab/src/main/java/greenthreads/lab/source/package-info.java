/**
 * C as text: a file in its parts, an edit put into it, the plain edition of a chapter, layouts as a
 * header has them, and which text is as it was shipped. Nothing is compiled here. It may know the
 * packages up to {@code machine}.
 */
package greenthreads.lab.source;
